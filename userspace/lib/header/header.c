// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing LUKS2 headers with libcryptsetup. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/signals.h"
#include "header/private.h"
#include "header/vet.h"
#include "os/device.h"

#define SUBSYSTEM	  "fve"
#define METADATA_SIZE	  (64 * 1024)	     /* bytes of one JSON copy, for 32 tokens of ours */
#define SMALLEST_DEVICE	  (17 * 1024 * 1024) /* libcryptsetup puts the data at 16 MiB */
#define LARGE_SECTOR_SIZE 4096
#define SECTOR		  512
#define UUID_LENGTH	  36

/* What libcryptsetup told of first; its return value is often -EINVAL, whatever it was. */
static char first_error[256];

/* libcryptsetup's own messages go to --debug, since the functions here print what people read. */
static void cryptsetup_log(int level, const char *message, void *data)
{
	int length = (int)strcspn(message, "\n");

	(void)data;
	if (level == CRYPT_LOG_ERROR && !*first_error)
		snprintf(first_error, sizeof(first_error), "%.*s", length, message);
	log_debug("libcryptsetup: %.*s", length, message);
}

void header_begin(void)
{
	*first_error = '\0';
}

void header_begin_write(void)
{
	header_begin();
	signals_hold();
}

const char *header_cause(int r)
{
	return *first_error ? first_error : strerror(-r);
}

int header_library_error(int r)
{
	return r == -EINVAL ? EIO : -r;
}

int header_synced(const struct header *header, int r)
{
	return r < 0 ? r : fsync(header->fd) < 0 ? -errno : r;
}

static int header_new(const char *path, struct header **ret)
{
	_cleanup_header_ struct header *header = calloc(1, sizeof(*header));
	int r;

	if (!header)
		return -ENOMEM;
	header->fd = -1;
	crypt_set_log_callback(NULL, cryptsetup_log, NULL);
	header->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (header->fd < 0)
		return log_errno(errno, "cannot open %s: %m", path);
	header->path = strdup(path);
	header->label = malloc(HEADER_LABEL_MAX + 1);
	if (!header->path || !header->label)
		return -ENOMEM;
	r = crypt_init(&header->cd, path);
	if (r < 0)
		return log_errno(-r, "cannot open %s: %s", path, strerror(-r));
	*ret = steal(header);
	return 0;
}

void header_close(struct header *header)
{
	if (!header)
		return;
	crypt_free(header->cd);
	if (header->fd >= 0)
		close(header->fd);
	free(header->path);
	free(header->label);
	free(header);
}

static int read_segment(struct header *header)
{
	struct crypt_device *cd = header->cd;
	struct header_segment *segment = &header->segment;
	struct device_info info;
	uint64_t device_sectors;
	uint32_t flags;
	int r = device_probe(header->path, &info);

	if (r < 0)
		return r;
	r = crypt_persistent_flags_get(cd, CRYPT_FLAGS_ACTIVATION, &flags);
	if (r < 0)
		return log_errno(-r, "cannot read the flags in the header of %s: %s", header->path,
				 strerror(-r));
	segment->allow_discards = flags & CRYPT_ACTIVATE_ALLOW_DISCARDS;
	segment->other_flags = flags & ~CRYPT_ACTIVATE_ALLOW_DISCARDS;
	segment->sector_size = (uint32_t)crypt_get_sector_size(cd);
	segment->key_size = (uint32_t)crypt_get_volume_key_size(cd);
	segment->data_offset = crypt_get_data_offset(cd);
	segment->iv_offset = crypt_get_iv_offset(cd);
	crypt_get_metadata_size(cd, &segment->metadata_size, NULL);
	device_sectors = info.size / SECTOR;
	if (device_sectors < segment->data_offset + segment->sector_size / SECTOR)
		return log_errno(
			EFBIG,
			"%s is cut short: its data begins at byte %ju, but it has only %ju "
			"bytes; nothing was changed",
			header->path, (uintmax_t)segment->data_offset * SECTOR,
			(uintmax_t)info.size);
	segment->size = device_sectors - segment->data_offset;
	segment->size -= segment->size % (segment->sector_size / SECTOR);
	return 0;
}

static int write_luks2(struct crypt_device *cd, struct crypt_params_luks2 *params,
		       const struct secret *fvek)
{
	int r = crypt_set_metadata_size(cd, METADATA_SIZE, 0);

	header_begin();
	return r < 0 ? r
		     : crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL,
				    (const char *)fvek->data, fvek->size, params);
}

int header_format(const char *path, const struct header_format *how, const struct secret *fvek,
		  struct header **ret)
{
	_cleanup_header_ struct header *header = NULL;
	struct device_info info;
	struct crypt_params_luks2 params = {
		.pbkdf = &header_random_pbkdf, /* also of the digest, of a random key */
		.label = how->label,
		.subsystem = SUBSYSTEM,
		.sector_size = how->sector_size,
	};
	int r = device_probe(path, &info);

	if (r < 0)
		return r;
	/* libcryptsetup would cut it, perhaps within a character. */
	if (how->label && strlen(how->label) > HEADER_LABEL_MAX)
		return log_errno(EINVAL, "the label of a volume has at most %d bytes",
				 HEADER_LABEL_MAX);
	if (info.size < SMALLEST_DEVICE)
		return log_errno(EINVAL, "%s is too small: %ju bytes, and a volume needs %d", path,
				 (uintmax_t)info.size, SMALLEST_DEVICE);
	if (!params.sector_size)
		params.sector_size = info.size % LARGE_SECTOR_SIZE ? SECTOR : LARGE_SECTOR_SIZE;
	if (info.size % params.sector_size)
		return log_errno(EINVAL, "the size of %s, %ju bytes, is no multiple of %u", path,
				 (uintmax_t)info.size, params.sector_size);
	r = header_new(path, &header);
	signals_hold();
	if (r < 0)
		return r;
	r = device_wipe_signatures(path);
	if (r < 0)
		return r;
	r = header_synced(header, write_luks2(header->cd, &params, fvek));
	if (r < 0)
		return log_errno(-r, "cannot write a LUKS2 header to %s: %s", path,
				 header_cause(r));
	r = read_segment(header);
	if (r < 0)
		return r;
	*ret = steal(header);
	return 0;
}

/* libcryptsetup repairs a copy as it loads. A person should hear of it, since the disk may be
 * failing.
 */
static void tell_of_repair(const struct header *header)
{
	static const char *const names[] = {"first", "second"};
	const struct header_copies *found = &header->copies;
	struct header_copies now;
	/* libcryptsetup keeps the newer copy, or the first where neither is newer. */
	int bad = !found->copy[0].good || (found->copy[1].good &&
					   found->copy[0].seqid < found->copy[1].seqid)
			  ? 0
			  : 1;

	if (header_copies_agree(found) || header_copies_read(header->path, &now) < 0)
		return;
	log_notice("The %s copy of the header of %s was %s; it %s from the other one.", names[bad],
		   header->path, found->copy[bad].good ? "older" : "damaged",
		   header_copies_agree(&now) ? "was written again" : "could not be written again");
}

static bool is_uuid(const char *text)
{
	return text && strlen(text) == UUID_LENGTH &&
	       strspn(text, "0123456789abcdefABCDEF-") == UUID_LENGTH;
}

/* Refuse a header that is not safe for any keyslot. */
static int vet(const struct header *header)
{
	const char *path = header->path, *json;
	char why[VET_WHY_SIZE];
	int key_size, r = header_json(header, &json);
	enum reason reason;

	if (r < 0)
		return r;
	reason = header_vet_volume(json, why);
	if (reason != REASON_NONE)
		return log_errno(ENODEV, "%s is not opened: %s (%s)", path, why,
				 reason_code(reason));
	/* The key's size is that of the keyslots; an erased volume has none. */
	key_size = crypt_get_volume_key_size(header->cd);
	if (key_size > 0 && key_size != FVEK_SIZE)
		return log_errno(ENODEV,
				 "%s has cipher " HEADER_CIPHER
				 " with %d-bit keys; only " HEADER_CIPHER
				 " with %d bits is accepted",
				 path, key_size * 8, FVEK_SIZE * 8);
	return 0;
}

/* Load the header, and refuse one that cannot be made by fvesetup or adopted by it. */
static int load_luks2(struct crypt_device *cd, uint32_t *ret_requirements)
{
	int r;

	header_begin();
	r = crypt_load(cd, CRYPT_LUKS2, NULL);
	return r < 0 ? r
		     : crypt_persistent_flags_get(cd, CRYPT_FLAGS_REQUIREMENTS, ret_requirements);
}

static int load(struct header *header)
{
	const char *path = header->path;
	struct device_info info;
	uint32_t requirements = 0;
	int r = device_probe(path, &info);

	if (r < 0)
		return r;
	r = header_copies_read(path, &header->copies);
	if (r < 0)
		return r;
	r = load_luks2(header->cd, &requirements);
	if (r == -ENOTSUP || r == -ETXTBSY || requirements & (uint32_t)CRYPT_REQUIREMENT_UNKNOWN)
		return log_errno(ENODEV, "%s uses LUKS2 features that are not known here", path);
	/* Both copies were good a moment ago. */
	if (r < 0 && header_copies_agree(&header->copies))
		return log_errno(header_library_error(r), "cannot read the header of %s: %s", path,
				 header_cause(r));
	if (r < 0 && !strcmp(info.signature, "crypto_LUKS"))
		return log_errno(ENODEV,
				 "%s has a LUKS header, but not a whole LUKS2 one: it is LUKS1, or "
				 "both copies are damaged; restore a header backup",
				 path);
	if (r < 0)
		return log_errno(ENODEV, "%s is not a LUKS2 volume", path);
	/* The UUID becomes part of names, prompts and messages, and libcryptsetup takes any bytes.
	 */
	if (!is_uuid(crypt_get_uuid(header->cd)))
		return log_errno(ENODEV, "%s has a LUKS2 header whose UUID is none", path);
	if (requirements)
		return log_errno(
			ENODEV,
			"%s is being re-encrypted; finish that first: cryptsetup reencrypt --resume-only %s",
			path, path);
	r = vet(header);
	if (r < 0)
		return r;
	tell_of_repair(header);
	return 0;
}

static int check_subsystem(const struct header *header)
{
	if (!strcmp(header_subsystem(header), SUBSYSTEM))
		return 0;
	/* The subsystem opens nothing, and whatever does stands under the MAC. */
	if (!*header_subsystem(header) && header_has_vmk(header)) {
		log_notice(
			"The subsystem of %s is gone, as after cryptsetup config --label without "
			"--subsystem fve; to set it again: fvesetup adopt %s",
			header->path, header->path);
		return 0;
	}
	if (header_has_vmk(header))
		return log_errno(ENODEV,
				 "%s belongs to %s, says its header, though it has a volume master "
				 "key; if a stock tool has set that: cryptsetup config --subsystem "
				 "fve %s",
				 header->path, header_subsystem(header), header->path);
	return log_errno(ENODEV,
			 "%s is a LUKS2 volume that was not made by fvesetup; open it with "
			 "cryptsetup, or take it over: fvesetup adopt %s",
			 header->path, header->path);
}

static int open_and_check(const char *path, bool any, bool has_data, struct header **ret)
{
	_cleanup_header_ struct header *header = NULL;
	struct device_info info;
	int r = device_probe(path, &info);

	if (r < 0)
		return r;
	r = header_new(path, &header);
	if (r < 0)
		return r;
	r = load(header);
	if (r < 0)
		return r;
	r = has_data ? read_segment(header) : 0;
	if (r < 0)
		return r;
	r = any ? 0 : check_subsystem(header);
	if (r < 0)
		return r;
	*ret = steal(header);
	return 0;
}

int header_load_any(const char *path, struct header **ret)
{
	return open_and_check(path, true, true, ret);
}

int header_load(const char *path, struct header **ret)
{
	return open_and_check(path, false, true, ret);
}

int header_try(const char *path, struct header **ret)
{
	int r;

	log_set_trying(true);
	r = header_load(path, ret);
	log_set_trying(false);
	return r;
}

int header_load_backup(const char *path, struct header **ret)
{
	return open_and_check(path, false, false, ret);
}

const struct header_copies *header_copies(const struct header *header)
{
	return &header->copies;
}

int header_backup(struct header *header, const char *file)
{
	int r;

	header_begin();
	r = crypt_header_backup(header->cd, CRYPT_LUKS2, file);
	if (r < 0)
		return log_errno(-r, "cannot write the header of %s to %s: %s", header->path, file,
				 header_cause(r));
	return 0;
}

int header_restore(const char *path, const char *file)
{
	_cleanup_header_ struct header *header = NULL;
	int r = header_new(path, &header);

	if (r < 0)
		return r;
	header_begin_write();
	r = header_synced(header, crypt_header_restore(header->cd, CRYPT_LUKS2, file));
	if (r < 0)
		return log_errno(-r, "cannot write the header of %s from %s: %s", path, file,
				 r == -EINVAL ? "it does not fit: data offset or key size differ"
					      : strerror(-r));
	return 0;
}

const char *header_subsystem(const struct header *header)
{
	return crypt_get_subsystem(header->cd) ?: "";
}

int header_claim(struct header *header, enum header_owner owner)
{
	_cleanup_free_ char *label = strdup(header_label_stored(header));
	int r;

	header_begin_write();
	r = label ? crypt_set_label(header->cd, label, owner == HEADER_OURS ? SUBSYSTEM : "")
		  : -ENOMEM;
	r = header_synced(header, r);
	if (r < 0)
		return log_errno(header_library_error(r), "cannot write the header of %s: %s",
				 header->path, header_cause(r));
	return 0;
}

const char *header_path(const struct header *header)
{
	return header->path;
}

const char *header_uuid(const struct header *header)
{
	return crypt_get_uuid(header->cd);
}

const char *header_label_stored(const struct header *header)
{
	return crypt_get_label(header->cd) ?: "";
}

const char *header_label(const struct header *header)
{
	snprintf(header->label, HEADER_LABEL_MAX + 1, "%s", header_label_stored(header));
	make_printable(header->label, "");
	return header->label;
}

const struct header_segment *header_segment(const struct header *header)
{
	return &header->segment;
}

int header_token_get(const struct header *header, int token, const char **ret_type,
		     const char **ret_json)
{
	crypt_token_info info = crypt_token_status(header->cd, token, ret_type);

	if (info == CRYPT_TOKEN_INACTIVE || info == CRYPT_TOKEN_INVALID)
		return -ENOENT;
	return crypt_token_json_get(header->cd, token, ret_json) < 0 ? -EIO : 0;
}

bool header_token_names(const struct header *header, int token, int slot)
{
	return crypt_token_is_assigned(header->cd, token, slot) == 0;
}

int header_token_set(struct header *header, int token, const char *json)
{
	int r;

	header_begin_write();
	r = crypt_token_json_set(header->cd, token == HEADER_ANY ? CRYPT_ANY_TOKEN : token, json);
	r = header_synced(header, r);
	if (r < 0)
		return log_errno(header_library_error(r), "cannot write a token of %s: %s",
				 header->path, header_cause(r));
	return r;
}

int header_token_remove(struct header *header, int token)
{
	int r;

	header_begin_write();
	r = header_synced(header, crypt_token_json_set(header->cd, token, NULL));
	if (r < 0)
		return log_errno(header_library_error(r), "cannot remove token %d of %s: %s", token,
				 header->path, header_cause(r));
	return 0;
}

int header_json(const struct header *header, const char **ret)
{
	return crypt_dump_json(header->cd, ret, 0) < 0 ? -EIO : 0;
}

int header_is_newer(const struct header *header)
{
	return log_errno(EBADMSG,
			 "a later version of fvesetup has written the header of %s: change it with "
			 "that one; nothing was changed",
			 header->path);
}
