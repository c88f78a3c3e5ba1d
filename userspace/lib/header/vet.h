/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The short list of ciphers, hashes and costs that a header may ask for. Anybody who can write to
 * the disk chooses them, and libcryptsetup accepts many: cipher_null in a keyslot, with which any
 * secret opens a volume key of the attacker's (the family of CVE-2025-59054), or an hour of
 * Argon2id. So a header is compared with this list before it is used (docs/on-disk.md, "What a
 * reader accepts").
 *
 * @json is the header as libcryptsetup holds it, from header_json(), so that the text which is
 * compared is the one that is used.
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"

#define VET_WHY_SIZE 120 /* bytes of printable text that says what is not on the list */

/*
 * Compare segments, digests and requirements, on which every keyslot depends. Returns REASON_NONE,
 * or REASON_KEYSLOT_UNSAFE with @ret_why.
 */
enum reason header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE]);

/*
 * Compare one keyslot, whatever the others are. Returns REASON_NONE; with @ret_why
 * REASON_KEYSLOT_UNSAFE, or REASON_KDF_BOUNDS where it asks for less or more key stretching than is
 * accepted.
 */
enum reason header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE]);

/*
 * Return whether the digests of two headers that passed header_vet_volume() are one and the same: a
 * volume key has another digest in each header that is made for it.
 */
bool header_vet_same_digest(const char *json, const char *other);
