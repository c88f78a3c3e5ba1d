/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The short list of what a header may say. Anybody who can write the disk chooses its ciphers,
 * hashes and costs, and libcryptsetup takes many: cipher_null in a keyslot, behind which any
 * secret opens a volume key of the attacker's (the family of CVE-2025-59054), or an hour of
 * Argon2id. So each of them is compared with this list before it is used (docs/on-disk.md, "What a
 * reader accepts").
 *
 * @json is the header as libcryptsetup holds it, header_json(): what is compared is what is used.
 */
#ifndef FVE_HEADER_VET_H
#define FVE_HEADER_VET_H

#include "base/reason.h"

#define VET_WHY_SIZE 120 /* bytes of what is not on the list, in printable text */

/*
 * Segments, digests and requirements, which every keyslot depends on. REASON_NONE, or
 * REASON_KEYSLOT_UNSAFE and @ret_why.
 */
enum reason header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE]);

/*
 * One keyslot, whatever became of the others. REASON_NONE, REASON_KEYSLOT_UNSAFE, or
 * REASON_KDF_BOUNDS where it asks for less or more key stretching than is accepted, and @ret_why.
 */
enum reason header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE]);

#endif
