// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup header backup|restore|verify|accept' actions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "header/change.h"
#include "header/mac.h"
#include "keys/rotate.h"
#include "os/device.h"
#include "os/file.h"

#define SECTOR 512

/* --- verify, accept ------------------------------------------------------------------------- */

/* What a look at a header found. */
struct report {
	enum header_mac mac;
	uint32_t seq;			       /* of fve-mac; 0 where there is none */
	struct header_difference *differences; /* owned */
	size_t n_differences;
	bool told;   /* whether fve-mac can tell which part differs */
	bool intact; /* whether tokens hold what they should under the volume key */
};

static void report_free(struct report *report)
{
	free(report->differences);
}

#define _cleanup_report_ __attribute__((cleanup(report_free)))

static int examine(const struct header *header, const struct secret *fvek, struct report *ret)
{
	_cleanup_token_mac_ struct token_mac token = {0};
	int number, r = header_mac_check(header, fvek, &ret->mac);

	if (r < 0)
		return r;
	if (header_mac_load(header, &token, &number) == 0)
		ret->seq = token.seq;
	if (!header_mac_good(ret->mac)) {
		r = header_mac_differences(header, fvek, &ret->differences, &ret->n_differences);
		if (r < 0 && r != -ENODATA)
			return r;
		ret->told = r == 0;
	}
	r = rotate_check(header, fvek);
	ret->intact = r == 0;
	return r == -EBADMSG ? 0 : r;
}

/* The type of the token that a part named "token N" is now, or "". */
static const char *part_type(const struct header *header, const char *name)
{
	const char *type, *json;
	int number;

	if (sscanf(name, "token %d", &number) != 1 ||
	    header_token_get(header, number, &type, &json) < 0)
		return "";
	return type;
}

static void show_differences(const struct header *header, const struct report *report)
{
	if (!report->told)
		printf("  which part cannot be told: fve-mac is missing, damaged, or of an "
		       "interrupted change\n");
	else if (!report->n_differences)
		printf("  fve-mac itself was changed, or is of another state of the header\n");
	for (size_t i = 0; i < report->n_differences; i++) {
		const struct header_difference *d = &report->differences[i];
		_cleanup_free_ char *name = printable_copy(d->name);
		_cleanup_free_ char *type = printable_copy(part_type(header, d->name));

		if (name && type)
			printf("  %s%s%s%s: %s\n", name, *type ? " (" : "", type, *type ? ")" : "",
			       d->what);
	}
}

static const char *copy_text(const struct header_copies *copies, int i)
{
	if (!copies->copy[i].good)
		return "damaged";
	return copies->copy[i].seqid < copies->copy[!i].seqid ? "older" : "good";
}

static void show_report(const struct header *header, const struct report *report)
{
	const struct header_copies *copies = header_copies(header);

	printf("Header copies:   first %s, second %s\n", copy_text(copies, 0),
	       copy_text(copies, 1));
	printf("MAC:             %s", header_mac_name(report->mac));
	if (report->seq)
		printf(", change %u", report->seq);
	printf("%s\n", report->mac == HEADER_MAC_INTERRUPTED
			       ? ": it was cut short; the next change cleans up"
			       : "");
	if (!header_mac_good(report->mac))
		show_differences(header, report);
	printf("Wrapped keys:    %s\n\n", report->intact ? "good" : "damaged");
	show_protectors(header);
}

static int report_json(const struct header *header, const struct report *report)
{
	const struct header_copies *copies = header_copies(header);
	struct json_object *o = json_object_new_object(), *array = json_object_new_array();

	object_text(o, "device", header_path(header));
	object_text(o, "uuid", header_uuid(header));
	for (int i = 0; i < 2; i++)
		json_object_array_add(array, json_object_new_string(copy_text(copies, i)));
	json_object_object_add(o, "copies", array);
	object_text(o, "mac", header_mac_name(report->mac));
	object_count(o, "change", report->seq ? (int64_t)report->seq : -1);
	array = report->told ? json_object_new_array() : NULL;
	for (size_t i = 0; i < report->n_differences; i++) {
		const struct header_difference *d = &report->differences[i];
		const char *type = part_type(header, d->name);
		struct json_object *part = json_object_new_object();

		object_text(part, "part", d->name);
		object_known(part, "type", type);
		object_text(part, "what", d->what);
		json_object_array_add(array, part);
	}
	json_object_object_add(o, "differences", array);
	object_bool(o, "wrapped_keys_good", report->intact);
	json_object_object_add(o, "protectors", show_protectors_json(header));
	return object_print(o);
}

static int cmd_header_verify(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_report_ struct report report = {0};
	struct unlock_request how = args->unlock;
	int r = header_load(args->operand[0], &header);

	how.unverified = true;
	if (r == 0)
		r = cli_unlock(&how, header, &fvek, NULL);
	if (r == 0)
		r = examine(header, fvek, &report);
	if (r < 0)
		return r;
	if (args->json)
		r = report_json(header, &report);
	else
		show_report(header, &report);
	if (r == 0 && !header_mac_good(report.mac))
		r = log_errno(EKEYREJECTED, "%s: %s (%s)", header_path(header),
			      reason_text(REASON_HEADER_MAC), reason_code(REASON_HEADER_MAC));
	if (r == 0 && !report.intact)
		r = -EBADMSG;
	return r;
}

ACTION(header_verify, "Header", "header verify", "<device>",
       "tell whether the header is as it was left",
       "Unlock the volume as by open, whatever its header's MAC says, and tell: whether both "
       "copies of the header were whole, whether the header is as fvesetup left it and if not "
       "which part differs, and whether the keys that its tokens hold can be read. Exits with 2 "
       "where the header was changed without fvesetup.",
       TO_UNLOCK, OPT_JSON);

static int cmd_header_accept(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_report_ struct report report = {0};
	_cleanup_close_ int lock = -1;
	struct unlock_request how = args->unlock;
	int r = device_lock(args->operand[0], DEVICE_TO_CHANGE, &lock);

	if (r == 0)
		r = header_load(args->operand[0], &header);
	how.unverified = true;
	how.kinds = kind_mask(KIND_PERSON, 0);
	if (r == 0)
		r = cli_unlock(&how, header, &fvek, NULL);
	if (r == 0)
		r = examine(header, fvek, &report);
	if (r < 0)
		return r;
	show_report(header, &report);
	if (report.mac == HEADER_MAC_VALID) {
		log_notice("The header of %s is as fvesetup left it; there is nothing to accept.",
			   header_path(header));
		return 0;
	}
	r = prompt_confirm(args->batch_mode,
			   "From now on the header as it is counts as right, and the "
			   "machine's protectors open it.");
	if (r == 0) {
		_cleanup_change_ struct change change = {.header = header,
							 .replaces = true,
							 .accept = true};

		r = change_commit(&change, fvek);
	}
	return r;
}

ACTION(header_accept, "Header", "header accept", "<device>",
       "take a header that was changed as it is",
       "Show what header verify shows, ask, and give the header as it is a new MAC. This takes a "
       "passphrase, recovery password or startup key: the machine's protectors do not open a "
       "header that was changed without fvesetup. Where nobody knows who changed it, restore a "
       "backup.",
       TO_UNLOCK);

/* --- backup, restore ------------------------------------------------------------------------ */

static int cmd_header_backup(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1, fd = -1;
	const char *file = args->operand[1];
	int r = file_check_new(file, "header backup");

	if (r < 0)
		return r;
	r = device_lock(args->operand[0], DEVICE_TO_READ, &lock);
	if (r < 0)
		return r;
	r = header_load(args->operand[0], &header);
	if (r < 0)
		return r;
	/* libcryptsetup would say that something is invalid where there is no room. */
	r = file_try_create(file, header_segment(header)->data_offset * SECTOR);
	if (r < 0)
		return r;
	r = header_backup(header, file);
	if (r == 0) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? log_errno(errno, "cannot open %s: %m", file) : 0;
	}
	/* Half a backup would be trusted when it is needed. */
	r = file_create_end(file, fd, r);
	if (r < 0)
		return r;
	log_notice("%s opens %s with today's secrets, also after they are removed: keep it as "
		   "safe as they are, and make a new one when protectors change.",
		   file, args->operand[0]);
	return 0;
}

ACTION(header_backup, "Header", "header backup", "<device> <file>",
       "write header and keyslots to a new file",
       "Write both copies of the header and all keyslots to a new file, as cryptsetup "
       "luksHeaderBackup does; either tool restores what the other wrote. Whoever has the file "
       "and one of today's secrets can open the volume, also after that secret is removed.",
       OPT_END);

/* What the device holds now, where that can be told; NULL: no header that could be read. */
static int present_header(const char *path, struct header **ret)
{
	struct header_copies copies;
	int r = header_copies_read(path, &copies);

	if (r < 0)
		return log_errno(-r, "cannot read %s: %s", path, strerror(-r));
	if (!copies.copy[0].good && !copies.copy[1].good)
		return 0;
	return header_load(path, ret);
}

static bool same_key(const struct header *present, const struct header *backup)
{
	const char *json, *other;

	return header_json(present, &json) == 0 && header_json(backup, &other) == 0 &&
	       header_vet_same_digest(json, other);
}

static int check_restore(const struct args *args, const struct header *backup)
{
	_cleanup_header_ struct header *present = NULL;
	const char *path = args->operand[0], *file = args->operand[1];
	int r = present_header(path, &present);
	bool other = !present || strcmp(header_uuid(present), header_uuid(backup));

	if (r < 0 && !args->force)
		return log_errno(-r,
				 "%s has a header that is not of this volume; with --force it is "
				 "overwritten",
				 path);
	if (present && other && !args->force)
		return log_errno(EINVAL,
				 "%s is a header of volume %s, and %s is volume %s; with --force "
				 "it is written all the same, and the data there is lost",
				 file, header_uuid(backup), path, header_uuid(present));
	if (present && !other && !same_key(present, backup) && !args->force)
		return log_errno(
			EINVAL,
			"%s is a header for another key than the one of %s today, as one from "
			"before a re-encryption is; with --force it is written all the same, "
			"and the data is lost if %s has the right one",
			file, path, path);
	if (other) {
		r = device_check_unused(path);
		if (r < 0)
			return r;
	}
	return prompt_confirm(args->batch_mode, "%s, of volume %s, is written over %s %s. %s", file,
			      header_uuid(backup),
			      present ? "the header of" : "what could not be read as a header on",
			      path,
			      present && !other
				      ? "Protectors added since then stop to open it, and those "
					"removed since then open it again."
				      : "If this is another volume's, the data there is lost.");
}

static int cmd_header_restore(const struct args *args)
{
	_cleanup_header_ struct header *backup = NULL, *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0], *file = args->operand[1];
	struct device_info info = {0}, backup_info = {0};
	int r = device_lock(path, DEVICE_TO_CHANGE, &lock);

	if (r < 0)
		return r;
	r = device_probe(path, &info);
	if (r < 0)
		return r;
	r = header_load_backup(file, &backup);
	if (r < 0)
		return r;
	r = device_probe(file, &backup_info);
	if (r < 0)
		return r;
	if (info.size <= backup_info.size)
		return log_errno(EFBIG, "%s is too small for the volume of %s; nothing was changed",
				 path, file);
	r = check_restore(args, backup);
	if (r < 0)
		return r;
	r = header_restore(path, file);
	return r < 0 ? r : header_load(path, &header);
}

ACTION(header_restore, "Header", "header restore", "<device> <file>",
       "write a header backup over the header",
       "Write a backup over the header of the device, after asking. A file that holds no header, "
       "or a header of another volume or for another key than the device does, is refused; the "
       "latter two are written with --force. Protectors are then as they were at the time of the backup. A power cut "
       "in between leaves a header that does not open everything: repeat it.",
       OPT_FORCE);
