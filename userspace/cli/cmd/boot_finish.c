// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-finish' action, in the booted system: what follows from how the volumes were
 * opened. A boot state that the TPM refused is approved where the table allows it; a recovery
 * password that somebody has typed is known to more than its paper and is replaced. What is not
 * done is said, with the command that does it. Nobody is asked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/boot.h"
#include "cli/boot_note.h"
#include "cli/table.h"
#include "os/inner_name.h"

#define ACK_WAIT_S 60 /* fvetab(5) */

/* In the place of the protector's id, once its password was replaced. */
#define REPLACED "replaced"

/* One that was replaced must not be replaced again: whatever was used opens nothing any more. */
static void forget(const char *name, const struct boot_note *note)
{
	struct boot_note done = *note;

	snprintf(done.id, sizeof(done.id), REPLACED);
	boot_note_write(name, &done);
}

/*
 * The identity of a volume that a person opened, where none is known; the initramfs had no place to
 * keep it. One that is known stays: fvesetup identity.
 */
static int remember_identity(const struct boot_volume *volume, const struct boot_note *note)
{
	static const uint8_t none[IDENTITY_SIZE];
	uint8_t known[IDENTITY_SIZE];
	int r;

	if (boot_note_unattended(note->kind) || !memcmp(note->identity, none, IDENTITY_SIZE))
		return 0;
	r = identity_recall(header_uuid(volume->header), known);
	return r == -ENOENT ? identity_remember(header_uuid(volume->header), note->identity) : r;
}

/* Only one machine's protector may open after the cap, and a person is not there. */
static struct unlock_request unattended(const struct boot *boot, const char *device)
{
	return (struct unlock_request){
		.device = device,
		.protector = kind_auto.name,
		.tcti = boot->args->unlock.tcti,
		.event_log = boot->args->unlock.event_log,
	};
}

/* The state that the TPM has refused; it is the one of this boot. */
static int approve(const struct boot *boot, const char *name, const char *device)
{
	int r = cli_approve(&(struct approve_request){
		.unlock = unattended(boot, device),
		.label = "after recovery",
	});

	if (r < 0)
		return r;
	log_notice("%s: the TPM did not know this boot state, and a person opened the "
		   "volume; it is approved now, as reseal=auto wants it",
		   name);
	return 0;
}

static int replace(const struct boot *boot, const struct fvetab_entry *entry, const char *device,
		   const struct boot_note *note)
{
	struct recovery_request request = {
		.unlock = unattended(boot, device),
		.id = note->id,
		.batch_mode = true,
	};
	_cleanup_free_ char *file = NULL;
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int r;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	if (asprintf(&file, "%s/%s-%s", entry->new_recovery, entry->name, stamp) < 0)
		return -ENOMEM;
	if (*entry->escrow) {
		request.to = (struct handover){
			.escrow = {entry->escrow},
			.n_escrow = 1,
			.escrow_file = entry->new_recovery,
			.ack_file = entry->new_recovery,
		};
		request.unlock.timeout_s = ACK_WAIT_S;
	} else {
		request.to.recovery_file = file;
	}
	r = cli_rotate_recovery(&request);
	if (r < 0)
		return r;
	log_notice("%s: the recovery password %s, with which it was opened, is replaced; "
		   "the new one is in %s%s",
		   entry->name, note->id, *entry->escrow ? "a packet in " : "",
		   *entry->escrow ? entry->new_recovery : file);
	forget(entry->name, note);
	return 0;
}

/* The header of what is open: by the table's name a copy may be found, which came meanwhile. */
static int load_header(struct boot_volume *volume)
{
	_cleanup_volume_status_ struct volume_status open = {0};
	int r;

	log_set_trying(true);
	r = volume_status(volume->entry->name, &open);
	log_set_trying(false);
	if (r == 0)
		return boot_load_header_of(volume, open.device);
	r = boot_load_header(volume);
	return r < 0 ? r : boot_refuse_copy(volume);
}

static int finish(const struct boot *boot, struct boot_volume *volume)
{
	const char *name = volume->entry->name, *reseal = volume->entry->reseal;
	_cleanup_free_ char *device = NULL;
	bool known = true;
	struct boot_note note;
	int r;

	inner_name_remember(name);
	if (boot_note_read(name, &note) < 0 || !strcmp(note.id, REPLACED))
		return 0;
	r = load_header(volume);
	if (r < 0)
		return r;
	/* Not being able to remember is no reason to leave a used password as it is. */
	remember_identity(volume, &note);
	/* "/dev/sda2", which a person can use in a command as it stands. */
	device = strdup(header_path(volume->header));
	if (!device)
		return -ENOMEM;
	/* Each change reads the header anew; nothing here may stem from before it. */
	header_close(volume->header);
	volume->header = NULL;
	if (note.mismatch)
		known = !strcmp(reseal, "auto") && approve(boot, name, device) == 0;
	if (!known && strcmp(reseal, "never"))
		log_notice("%s: the TPM does not know this boot state. If it is meant, approve it: "
			   "fvesetup tpm approve %s",
			   name, device);
	if (!kind_has(note.kind, KIND_RECOVERY))
		return 0;
	if (*volume->entry->new_recovery) {
		r = replace(boot, volume->entry, device, &note);
		if (r == 0)
			return 0;
	}
	log_notice("%s: it was opened with the recovery password %s. Replace it: fvesetup rotate "
		   "recovery %s %s",
		   name, note.id, device, note.id);
	return r;
}

static int cmd_boot_finish(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	int result = boot_load(args, FVETAB_SYSTEM, NULL, &boot);

	for (size_t i = 0; result == 0 && i < boot.table.n; i++) {
		int r = finish(&boot, &boot.volume[i]);

		result = result ?: r;
	}
	return result;
}

ACTION(boot_finish, "Boot", "boot-finish", "", "replace a recovery password that was used",
       "After a boot that a recovery password opened: replace that password where fvetab(5) says "
       "new-recovery=, else say how to. After one whose state no approval fits: approve it where "
       "fvetab(5) says reseal=auto, else say how to.",
       OPT_TPM, OPT_EVENT_LOG, OPT_TABLE, OPT_KERNEL_CMDLINE);
