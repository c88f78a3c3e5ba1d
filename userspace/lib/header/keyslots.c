// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keyslots of a LUKS2 header: adding, opening, removing, and which of them may be opened. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "header/private.h"

const struct crypt_pbkdf_type header_random_pbkdf = {
	.type = CRYPT_KDF_PBKDF2,
	.hash = "sha256",
	.iterations = 1000, /* LUKS2's least */
	.flags = CRYPT_PBKDF_NO_BENCHMARK,
};

static bool has_free_keyslot(const struct header *header)
{
	for (int slot = 0; slot < HEADER_MAX_KEYSLOTS; slot++)
		if (crypt_keyslot_status(header->cd, slot) == CRYPT_SLOT_INACTIVE)
			return true;
	return false;
}

int header_keyslot_add(struct header *header, const struct secret *fvek,
		       const struct secret *secret, const struct header_pbkdf *pbkdf)
{
	struct crypt_pbkdf_type person = *crypt_get_pbkdf_default(CRYPT_LUKS2);
	char why[VET_WHY_SIZE];
	int r;

	person.type = CRYPT_KDF_ARGON2ID;
	if (pbkdf && pbkdf->time_ms)
		person.time_ms = pbkdf->time_ms;
	if (pbkdf && pbkdf->memory_kib)
		person.max_memory_kb = pbkdf->memory_kib;
	r = crypt_set_pbkdf_type(header->cd, pbkdf ? &person : &header_random_pbkdf);
	if (r < 0)
		return log_errno(-r, "these key-stretching parameters are not accepted: %s",
				 strerror(-r));
	if (!has_free_keyslot(header))
		return log_errno(EBUSY, "%s has no free keyslot: remove a protector first",
				 header->path);
	header_begin_write();
	r = crypt_keyslot_add_by_key(header->cd, CRYPT_ANY_SLOT, (const char *)fvek->data,
				     fvek->size, (const char *)secret->data, secret->size, 0);
	r = header_synced(header, r);
	if (r < 0)
		return log_errno(header_library_error(r), "cannot write a keyslot of %s: %s",
				 header->path, header_cause(r));
	/* A keyslot that would be refused when it is opened is not kept. */
	if (header_keyslot_health(header, r, why) != REASON_NONE) {
		header_keyslot_remove(header, r);
		return log_errno(EINVAL,
				 "a keyslot of these parameters would not be opened: %s; it was "
				 "removed",
				 why);
	}
	return r;
}

enum reason header_keyslot_health(const struct header *header, int slot, char ret_why[VET_WHY_SIZE])
{
	const char *json;

	if (header_json(header, &json) < 0)
		json = "";
	return header_vet_keyslot(json, slot, ret_why);
}

/*
 * Open one keyslot. -EPERM: the secret is wrong, or the keyslot is unused or of bad health. Prints
 * the message of other errors.
 */
static int open_slot(struct header *header, int slot, const struct secret *secret,
		     struct secret **ret_fvek)
{
	_cleanup_secret_ struct secret *fvek = secret_new(FVEK_SIZE);
	size_t size = FVEK_SIZE;
	char why[VET_WHY_SIZE];
	int r;

	if (!fvek)
		return -ENOMEM;
	if (!header_keyslot_used(header, slot))
		return -EPERM;
	if (header_keyslot_health(header, slot, why) != REASON_NONE) {
		log_debug("%s, keyslot %d: not tried: %s", header->path, slot, why);
		return -EPERM;
	}
	header_begin();
	r = crypt_volume_key_get(header->cd, slot, (char *)fvek->data, &size,
				 (const char *)secret->data, secret->size);
	log_debug("%s, keyslot %d: %s", header->path, slot,
		  r >= 0	? "opened"
		  : r == -EPERM ? "the secret does not open it"
				: strerror(-r));
	if (r == -EPERM || r == -ENOMEM)
		return r;
	if (r < 0)
		return log_errno(-r, "cannot read keyslot %d of %s: %s", slot, header->path,
				 header_cause(r));
	*ret_fvek = steal(fvek);
	return r;
}

int header_keyslot_open(struct header *header, int slot, const struct secret *secret,
			struct secret **ret_fvek)
{
	int error = -EPERM;

	if (slot != HEADER_ANY)
		return open_slot(header, slot, secret, ret_fvek);
	/* One that cannot be read does not shut out the others. */
	for (slot = 0; slot < HEADER_MAX_KEYSLOTS; slot++) {
		int r = -EPERM;

		if (crypt_keyslot_get_priority(header->cd, slot) != CRYPT_SLOT_PRIORITY_IGNORE)
			r = open_slot(header, slot, secret, ret_fvek);
		if (r >= 0 || r == -ENOMEM)
			return r;
		if (r != -EPERM)
			error = r;
	}
	return error;
}

int header_keyslot_remove(struct header *header, int slot)
{
	int r;

	header_begin_write();
	r = header_synced(header, crypt_keyslot_destroy(header->cd, slot));
	if (r < 0)
		return log_errno(header_library_error(r), "cannot destroy keyslot %d of %s: %s",
				 slot, header->path, header_cause(r));
	return 0;
}

bool header_keyslot_used(const struct header *header, int slot)
{
	crypt_keyslot_info info = crypt_keyslot_status(header->cd, slot);

	return info == CRYPT_SLOT_ACTIVE || info == CRYPT_SLOT_ACTIVE_LAST;
}

const char *header_keyslot_pbkdf(const struct header *header, int slot)
{
	struct crypt_pbkdf_type pbkdf;

	if (crypt_keyslot_get_pbkdf(header->cd, slot, &pbkdf) < 0)
		return NULL;
	return pbkdf.type;
}
