// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A deliberate fault: the header is not compared with the short list.
 * wraps: header_vet_volume header_vet_keyslot
 */
#include "header/vet.h"

enum reason __wrap_header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE]);
enum reason __wrap_header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE]);

enum reason __wrap_header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE])
{
	(void)json, (void)ret_why;
	return REASON_NONE;
}

enum reason __wrap_header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE])
{
	(void)json, (void)slot, (void)ret_why;
	return REASON_NONE;
}
