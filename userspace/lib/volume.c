// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening and closing a volume. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "dm.h"
#include "keyring.h"
#include "log.h"
#include "module.h"
#include "reason.h"
#include "volume.h"

#define MODULE	    "dm-fve"
#define UUID_DIGITS 32 /* of a volume's UUID, in the mapping's UUID without its dashes */
#define NONCE_SIZE  8  /* makes the key's description a used-once name */
#define SECTOR	    512
#define NAME_LENGTH 127

int volume_check_name(const char *name)
{
	/* dm-ioctl.h: 128 bytes with the NUL; udev escapes what is not listed here. */
	size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789#+-.:=@_");

	if (!length || name[length] || length > NAME_LENGTH || !strcmp(name, ".") ||
	    !strcmp(name, "..") || !strcmp(name, "control"))
		return log_errno(EINVAL,
				 "%s cannot be the name of a mapping: up to %d letters, "
				 "digits and #+-.:=@_",
				 name, NAME_LENGTH);
	return 0;
}

static int prepare_target(void)
{
	int r;

	/* Device-mapper itself may be a module too; the target's pulls it in. */
	if (dm_check_target(VOLUME_TARGET) == 0)
		return 0;
	r = module_load(MODULE);
	if (r == 0 && dm_check_target(VOLUME_TARGET) == 0)
		return 0;
	return log_errno(ENOPKG,
			 "%s (%s): cannot load " MODULE ".ko: %s; build and install it with "
			 "make install, or open the volume with cryptsetup",
			 reason_text(REASON_MODULE_MISSING), reason_code(REASON_MODULE_MISSING),
			 r < 0 ? strerror(-r) : "it brings no such target");
}

/* "FVE-<uuid without dashes>-<name>" */
static char *mapping_uuid(const struct header *header, const char *name)
{
	char digits[UUID_DIGITS + 1] = "", *text;
	size_t n = 0;

	for (const char *p = header_uuid(header); *p && n < UUID_DIGITS; p++)
		if (*p != '-')
			digits[n++] = *p;
	return asprintf(&text, DM_UUID_PREFIX "%s-%s", digits, name) < 0 ? NULL : text;
}

/* "fve:<uuid>:<random>": a description that is used once. */
static char *key_description(const struct header *header)
{
	_cleanup_secret_ struct secret *random = secret_random(NONCE_SIZE);
	_cleanup_free_ char *nonce = random ? hex_encode(random->data, random->size) : NULL;
	char *text;

	if (!nonce || asprintf(&text, "fve:%s:%s", header_uuid(header), nonce) < 0)
		return NULL;
	return text;
}

int volume_open(const struct header *header, const struct secret *fvek, const char *name,
		const struct volume_flags *flags)
{
	_cleanup_free_ char *uuid = mapping_uuid(header, name);
	_cleanup_free_ char *description = key_description(header);
	const struct header_segment *segment = header_segment(header);
	struct dm_mapping mapping = {
		.name = name,
		.uuid = uuid,
		.device = header_path(header),
		.cipher = HEADER_CIPHER,
		.key_description = description,
		.key_size = (uint32_t)fvek->size,
		.sector_size = segment->sector_size,
		.iv_offset = segment->iv_offset,
		.data_offset = segment->data_offset,
		.size = segment->size,
		.read_only = flags->read_only,
		.allow_discards = flags->allow_discards,
	};
	struct device_info info;
	int32_t key;
	int r;

	if (!uuid || !description)
		return -ENOMEM;
	r = device_probe(header_path(header), &info);
	if (r == 0 && !info.is_block)
		r = log_errno(ENOTBLK,
			      "%s is an image file: attach it to a loop device first "
			      "(losetup --find --show %s)",
			      header_path(header), header_path(header));
	if (r == 0)
		r = device_check_unused(header_path(header));
	if (r == 0)
		r = prepare_target();
	if (r == 0)
		r = keyring_add(description, fvek, &key);
	if (r < 0)
		return r;
	r = dm_create(&mapping);
	keyring_drop(key);
	return r;
}

/* Query @name and make sure that it is ours. */
static int query(const char *name, struct dm_state *ret)
{
	_cleanup_dm_state_ struct dm_state state = {0};
	int r = dm_query(name, &state);

	if (r < 0)
		return log_errno(ENODEV, "there is no open volume %s", name);
	if (strncmp(state.uuid, DM_UUID_PREFIX, strlen(DM_UUID_PREFIX)))
		return log_errno(ENODEV, "%s is a mapping that fvesetup did not make", name);
	*ret = state;
	state = (struct dm_state){0};
	return 0;
}

int volume_close(const char *name)
{
	_cleanup_dm_state_ struct dm_state state = {0};
	int r = query(name, &state);

	return r < 0 ? r : dm_remove(name);
}

/* "FVE-0123...-name" to a UUID with dashes; NULL on another shape or out of memory. */
static char *volume_uuid(const char *uuid)
{
	const char *d = uuid + strlen(DM_UUID_PREFIX);
	char *text;

	if (strspn(d, "0123456789abcdef") != UUID_DIGITS ||
	    asprintf(&text, "%.8s-%.4s-%.4s-%.4s-%.12s", d, d + 8, d + 12, d + 16, d + 20) < 0)
		return NULL;
	return text;
}

int volume_status(const char *name, struct volume_status *ret)
{
	_cleanup_dm_state_ struct dm_state state = {0};
	_cleanup_volume_status_ struct volume_status status = {.sector_size = SECTOR};
	uint64_t iv_offset, offset;
	unsigned int major, minor;
	int options_at = 0;
	char *rest, *word;
	int r = query(name, &state);

	if (r < 0)
		return r;
	/* <cipher> :<size>:<type>:<description> <iv_offset> <major>:<minor> <offset> [options] */
	if (sscanf(state.table, "%ms :%" SCNu32 ":%*s %" SCNu64 " %u:%u %" SCNu64 "%n",
		   &status.cipher, &status.key_size, &iv_offset, &major, &minor, &offset,
		   &options_at) != 6)
		return log_errno(EIO, "the table of %s is not one of target fve: %s", name,
				 state.table);
	rest = state.table + options_at;
	while ((word = strsep(&rest, " "))) {
		sscanf(word, "sector_size:%" SCNu32, &status.sector_size);
		if (!strcmp(word, "allow_discards"))
			status.allow_discards = true;
	}
	status.uuid = volume_uuid(state.uuid);
	status.device = device_name(major, minor);
	if (!status.uuid || !status.device)
		return -ENOMEM;
	status.target_status = steal(state.status);
	status.data_offset = offset * SECTOR;
	status.size = state.size * SECTOR;
	status.open_count = state.open_count;
	status.read_only = state.read_only;
	status.suspended = state.suspended;
	*ret = status;
	status = (struct volume_status){0};
	return 0;
}

void volume_status_free(struct volume_status *status)
{
	free(status->uuid);
	free(status->device);
	free(status->cipher);
	free(status->target_status);
	*status = (struct volume_status){0};
}
