// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening and closing a volume. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "base/reason.h"
#include "header/mac.h"
#include "os/device.h"
#include "os/mapping.h"
#include "os/keyring.h"
#include "os/module.h"
#include "os/storage.h"
#include "volume/volume.h"

#define UUID_DIGITS 32 /* of a volume's UUID, in the mapping's UUID without its dashes */
#define NONCE_SIZE  8  /* makes the key's description a used-once name */
#define SECTOR	    512
#define NAME_LENGTH 127
/* What the UUID of a mapping has of its name; dm-ioctl.h: 129 bytes with the NUL. */
#define NAME_IN_UUID (128 - strlen(MAPPING_UUID_PREFIX) - UUID_DIGITS - strlen("-"))

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

static const struct {
	const char *word;   /* of --target */
	const char *target; /* the kernel's name of it */
	const char *module;
} targets[] = {
	[VOLUME_TARGET_AUTO] = {"auto", NULL, NULL},
	[VOLUME_TARGET_FVE] = {"fve", "fve", "dm-fve"},
	[VOLUME_TARGET_CRYPT] = {"crypt", "crypt", "dm-crypt"},
};

int volume_target_parse(const char *text, enum volume_target *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(targets[i].word, text)) {
			*ret = (enum volume_target)i;
			return 0;
		}
	return log_errno(EINVAL, "there is no target %s; there are: fve, crypt, auto", text);
}

/* -errno of loading the module, without a message. */
static int load_target(enum volume_target target)
{
	int r;

	/* Device-mapper itself may be a module too; the target's pulls it in. */
	if (mapping_check_target(targets[target].target) == 0)
		return 0;
	r = module_load(targets[target].module);
	return r == 0 ? mapping_check_target(targets[target].target) : r;
}

/* What is to be used in the place of @target, which may be auto. */
static int prepare_target(const char *path, enum volume_target *target, bool *ret_missing)
{
	enum volume_target first = *target == VOLUME_TARGET_AUTO ? VOLUME_TARGET_FVE : *target;
	int r = load_target(first);

	*ret_missing = false;
	if (r < 0 && *target == VOLUME_TARGET_AUTO && load_target(VOLUME_TARGET_CRYPT) == 0) {
		log_error("WARNING: %s (%s): cannot load dm-fve.ko: %s; opening %s through "
			  "dm-crypt, with the same data",
			  reason_text(REASON_MODULE_MISSING), reason_code(REASON_MODULE_MISSING),
			  strerror(-r), path);
		*target = VOLUME_TARGET_CRYPT;
		*ret_missing = true;
		return 0;
	}
	*target = first;
	if (r == 0)
		return 0;
	return log_errno(ENOPKG, "%s (%s): cannot load %s.ko: %s; %s",
			 first == VOLUME_TARGET_FVE ? reason_text(REASON_MODULE_MISSING)
						    : "the kernel has no crypt target",
			 reason_code(REASON_MODULE_MISSING), targets[first].module, strerror(-r),
			 first == VOLUME_TARGET_FVE
				 ? "build and install it with make install, or open the volume "
				   "with --target crypt"
				 : "use --target fve");
}

/* "FVE-<uuid without dashes>-<name>", and of the name what fits, as cryptsetup does it. */
static char *mapping_uuid(const struct header *header, const char *name)
{
	char digits[UUID_DIGITS + 1] = "", *text;
	size_t n = 0;

	for (const char *p = header_uuid(header); *p && n < UUID_DIGITS; p++)
		if (*p != '-')
			digits[n++] = *p;
	return asprintf(&text, MAPPING_UUID_PREFIX "%s-%.*s", digits, (int)NAME_IN_UUID, name) < 0
		       ? NULL
		       : text;
}

#define MISSING_MARK "module-missing:"

/*
 * "fve:<uuid>:<random>": a description that is used once. Where dm-crypt stands in for fve, the
 * mapping has to remember it, and nothing else that it has can: "fve:module-missing:<uuid>:...".
 */
static char *key_description(const struct header *header, bool missing)
{
	_cleanup_secret_ struct secret *random = secret_random(NONCE_SIZE);
	_cleanup_free_ char *nonce = random ? hex_encode(random->data, random->size) : NULL;
	char *text;

	if (!nonce || asprintf(&text, "fve:%s%s:%s", missing ? MISSING_MARK : "",
			       header_uuid(header), nonce) < 0)
		return NULL;
	return text;
}

/* Take over the flags that stock tools keep in @header: what it says counts where it verifies. */
static int follow_header_flags(const struct header *header, const struct secret *fvek,
			       bool *allow_discards)
{
	const struct header_segment *segment = header_segment(header);
	enum header_mac state;
	int r;

	if (segment->other_flags)
		log_notice("Of the flags that are kept in the header of %s only allow-discards has "
			   "an effect here.",
			   header_path(header));
	if (!segment->allow_discards || *allow_discards)
		return 0;
	r = header_mac_check(header, fvek, &state);
	if (r < 0)
		return r;
	*allow_discards = header_mac_good(state);
	if (!*allow_discards)
		log_notice("The flag allow-discards in the header of %s has no effect: the header "
			   "does not verify.",
			   header_path(header));
	return 0;
}

/* Refuse a device that nothing can be mapped on; a read-only one makes @mapping so, too. */
static int check_device(struct mapping *mapping)
{
	struct device_info info;
	int r = device_probe(mapping->device, &info);

	if (r < 0)
		return r;
	if (!info.is_block)
		return log_errno(ENOTBLK,
				 "%s is an image file: attach it to a loop device first "
				 "(losetup --find --show %s)",
				 mapping->device, mapping->device);
	r = device_check_unused(mapping->device);
	if (r < 0)
		return r;
	/* A kernel such as 6.1 writes to it through a mapping that is not read-only itself. */
	if (info.read_only && !mapping->read_only) {
		log_notice("%s is read-only, and so is %s.", mapping->device, mapping->name);
		mapping->read_only = true;
	}
	return 0;
}

int volume_open(const struct header *header, const struct secret *fvek, const char *name,
		const struct volume_flags *flags)
{
	_cleanup_free_ char *uuid = mapping_uuid(header, name);
	_cleanup_free_ char *description = NULL;
	enum volume_target target = flags->target;
	const struct header_segment *segment = header_segment(header);
	struct mapping mapping = {
		.name = name,
		.uuid = uuid,
		.device = header_path(header),
		.number = storage_number(header_path(header)),
		.cipher = HEADER_CIPHER,
		.key_size = (uint32_t)fvek->size,
		.sector_size = segment->sector_size,
		.iv_offset = segment->iv_offset,
		.data_offset = segment->data_offset,
		.size = segment->size,
		.read_only = flags->read_only,
		.allow_discards = flags->allow_discards,
	};
	bool missing;
	int32_t key;
	int r;

	if (!uuid)
		return -ENOMEM;
	r = check_device(&mapping);
	if (r < 0)
		return r;
	r = follow_header_flags(header, fvek, &mapping.allow_discards);
	if (r < 0)
		return r;
	r = prepare_target(header_path(header), &target, &missing);
	if (r < 0)
		return r;
	description = key_description(header, missing);
	if (!description)
		return -ENOMEM;
	mapping.target = targets[target].target;
	mapping.key_description = description;
	/* Sorting writes in a thread of their own pays on a disk that seeks, and only there. */
	mapping.no_workqueues =
		target == VOLUME_TARGET_CRYPT && !storage_rotational(mapping.number);
	r = keyring_add(description, fvek, &key);
	if (r < 0)
		return r;
	r = mapping_create(&mapping);
	keyring_drop(key);
	return r;
}

/* Query @name and make sure that it is ours. */
static int query(const char *name, struct mapping_state *ret)
{
	_cleanup_mapping_state_ struct mapping_state state = {0};
	int r = mapping_query(name, &state);

	if (r == -ENODEV)
		return log_errno(ENODEV, "there is no open volume %s", name);
	if (r < 0)
		return log_errno(-r, "cannot ask the kernel about %s: %s", name, strerror(-r));
	if (strncmp(state.uuid, MAPPING_UUID_PREFIX, strlen(MAPPING_UUID_PREFIX)))
		return log_errno(ENODEV, "%s is a mapping that fvesetup did not make", name);
	*ret = steal_struct(state);
	return 0;
}

bool volume_is_revoked(const char *name)
{
	static const char revoked[] = "revoked ";
	_cleanup_mapping_state_ struct mapping_state state = {0};

	/* "error" took the place of dm-crypt. */
	return mapping_query(name, &state) == 0 &&
	       (!strcmp(state.target, "error") ||
		!strncmp(state.status, revoked, sizeof(revoked) - 1));
}

int volume_close(const char *name)
{
	_cleanup_mapping_state_ struct mapping_state state = {0};
	int r = query(name, &state);

	return r < 0 ? r : mapping_remove(name);
}

/* "FVE-0123...-name" to a UUID with dashes; NULL on another shape or out of memory. */
static char *volume_uuid(const char *uuid)
{
	const char *d = uuid + strlen(MAPPING_UUID_PREFIX);
	char *text;

	if (strspn(d, "0123456789abcdef") != UUID_DIGITS ||
	    asprintf(&text, "%.8s-%.4s-%.4s-%.4s-%.12s", d, d + 8, d + 12, d + 16, d + 20) < 0)
		return NULL;
	return text;
}

/* ":<bytes>:<type>:<description>", or of a wiped dm-crypt the key in hex, which is all zeros. */
static int parse_key(const char *key, struct volume_status *status)
{
	const char *description;

	if (*key != ':') {
		status->key_size = (uint32_t)strlen(key) / 2;
		status->key_wiped = true;
		return strspn(key, "0") == strlen(key) ? 0 : -EIO;
	}
	if (sscanf(key, ":%" SCNu32 ":", &status->key_size) != 1)
		return -EIO;
	description = strstr(key, ":fve:");
	status->module_missing = description && !strncmp(description + strlen(":fve:"),
							 MISSING_MARK, strlen(MISSING_MARK));
	return 0;
}

struct each_volume {
	int (*each)(void *data, const char *name);
	void *data;
};

static int each_mapping(void *data, const char *name, const char *uuid)
{
	const struct each_volume *all = data;

	return strncmp(uuid, MAPPING_UUID_PREFIX, strlen(MAPPING_UUID_PREFIX))
		       ? 0
		       : all->each(all->data, name);
}

int volume_each(int (*each)(void *data, const char *name), void *data)
{
	struct each_volume all = {.each = each, .data = data};

	return mapping_list(each_mapping, &all);
}

int volume_status(const char *name, struct volume_status *ret)
{
	_cleanup_mapping_state_ struct mapping_state state = {0};
	_cleanup_volume_status_ struct volume_status status = {.sector_size = SECTOR};
	_cleanup_free_ char *key = NULL;
	uint64_t iv_offset, offset;
	unsigned int major, minor;
	int options_at = 0;
	char *rest, *word;
	int r = query(name, &state);

	if (r < 0)
		return r;
	/* <cipher> <key> <iv_offset> <major>:<minor> <offset> [options] */
	if (sscanf(state.table, "%ms %ms %" SCNu64 " %u:%u %" SCNu64 "%n", &status.cipher, &key,
		   &iv_offset, &major, &minor, &offset, &options_at) != 6 ||
	    parse_key(key, &status) < 0)
		return log_errno(ENODEV, "%s has a table that fvesetup did not make", name);
	rest = state.table + options_at;
	while ((word = strsep(&rest, " "))) {
		sscanf(word, "sector_size:%" SCNu32, &status.sector_size);
		if (!strcmp(word, "allow_discards"))
			status.allow_discards = true;
	}
	status.uuid = volume_uuid(state.uuid);
	status.device = storage_name(major, minor);
	if (!status.uuid || !status.device)
		return -ENOMEM;
	status.target = steal(state.target);
	status.target_status = steal(state.status);
	if (!strncmp(status.target_status, "wiped", strlen("wiped")))
		status.key_wiped = true;
	status.data_offset = offset * SECTOR;
	status.size = state.size * SECTOR;
	status.open_count = state.open_count;
	status.number = makedev(state.major, state.minor);
	status.lower = makedev(major, minor);
	status.read_only = state.read_only;
	status.suspended = state.suspended;
	*ret = steal_struct(status);
	return 0;
}

struct search {
	const char *path;
	char *name;
	struct volume_status *open;
	int error; /* of a mapping that the kernel did not tell of, and may be the one */
};

static int is_open_as(void *data, const char *name)
{
	struct search *search = data;
	_cleanup_volume_status_ struct volume_status status = {0};
	int r = volume_status(name, &status);

	if (r < 0 && r != -ENODEV)
		search->error = r;
	if (r < 0 || !storage_is(status.lower, search->path))
		return 0;
	snprintf(search->name, VOLUME_NAME_SIZE, "%s", name);
	*search->open = steal_struct(status);
	return 1;
}

int volume_find_open(const char *path, char ret_name[VOLUME_NAME_SIZE], struct volume_status *ret)
{
	struct search search = {path, ret_name, ret, 0};
	int r = volume_each(is_open_as, &search);

	return r ? r : search.error;
}

/* What could not be read, and so not be started, while @device is suspended; NULL: nothing. */
static const char *needed_by(dev_t device)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_file_ FILE *swaps = NULL;
	size_t size = 0;

	if (storage_stands_on(storage_of_path("/"), device))
		return "the root file system";
	if (storage_stands_on(storage_of_path("/proc/self/exe"), device))
		return "fvesetup itself";
	swaps = fopen("/proc/swaps", "re");
	while (swaps && getline(&line, &size, swaps) > 0) {
		struct stat st;

		line[strcspn(line, " \t\n")] = '\0';
		if (stat(line, &st) == 0 &&
		    storage_stands_on(S_ISBLK(st.st_mode) ? st.st_rdev : storage_of_path(line),
				      device))
			return "swap";
	}
	return NULL;
}

int volume_suspend(const char *name, bool force)
{
	_cleanup_volume_status_ struct volume_status status = {0};
	const char *needed;
	int r = volume_status(name, &status);

	if (r < 0)
		return r;
	if (status.suspended && status.key_wiped)
		return log_errno(EBUSY, "%s is suspended already", name);
	needed = needed_by(status.number);
	if (needed && !force)
		return log_errno(EBUSY,
				 "%s holds %s: while it is suspended nothing can be started from "
				 "there, and so it could not be resumed; use --force where a "
				 "resume is ready elsewhere, such as a shell with fvesetup in a "
				 "file system in memory",
				 name, needed);
	/* A page of this program that would have to be read from there now would wait for ever. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return log_errno(errno, "cannot lock fvesetup into memory: %m");
	r = mapping_suspend(name);
	if (r < 0)
		return log_errno(-r, "cannot suspend %s: %s", name, strerror(-r));
	r = mapping_message(name, "key wipe");
	if (r < 0) {
		mapping_resume(name);
		return log_errno(-r, "cannot wipe the key of %s: %s; it was resumed", name,
				 strerror(-r));
	}
	return 0;
}

int volume_resume(const char *name, const struct header *header, const struct secret *fvek)
{
	_cleanup_volume_status_ struct volume_status status = {0};
	_cleanup_free_ char *description = NULL, *message = NULL;
	int32_t key;
	int r = volume_status(name, &status);

	if (r < 0)
		return r;
	if (!status.suspended)
		return log_errno(EINVAL, "%s is not suspended", name);
	if (strcmp(status.uuid, header_uuid(header)))
		return log_errno(EINVAL, "%s is volume %s, and %s holds %s", name, status.uuid,
				 header_path(header), header_uuid(header));
	/* dm-crypt forgets the description with the key. */
	description =
		key_description(header, status.module_missing || (!strcmp(status.target, "crypt") &&
								  mapping_check_target("fve") < 0));
	if (!description ||
	    asprintf(&message, "key set :%zu:logon:%s", fvek->size, description) < 0)
		return -ENOMEM;
	r = keyring_add(description, fvek, &key);
	if (r < 0)
		return r;
	r = mapping_message(name, message);
	keyring_drop(key);
	if (r == 0)
		r = mapping_resume(name);
	if (r < 0)
		return log_errno(-r, "cannot resume %s: %s; it is still suspended", name,
				 strerror(-r));
	return 0;
}

void volume_status_free(struct volume_status *status)
{
	free(status->uuid);
	free(status->device);
	free(status->cipher);
	free(status->target);
	free(status->target_status);
	*status = (struct volume_status){0};
}
