// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-unlock' action: all volumes of a boot in one go.
 *
 * The order is what the promises of docs/boot.md rest on:
 *
 *	1. The machine's protectors, startup keys and PINs, volume by volume, the root volume first.
 *	   No volume is mapped yet. Where the root does not open, or is another volume than the
 *	   machine had, no machine's protector opens anything else. The TPM's share of tpm2-net is
 *	   among what the TPM gives here; its servers are asked from then on.
 *	2. The cap. From here on the TPM releases nothing.
 *	3. What opened is mapped.
 *	4. People are asked for what is still closed, until a server answers; what opens is mapped.
 *
 * So nobody is asked for a secret, no file system can be mounted and no shell can be had while
 * the TPM would still unseal. In the initramfs a person is asked for the root volume only: whoever
 * can make another volume ask would hold up the boot beside an open root.
 */
#include <errno.h>
#include <stdio.h>

#include "cli/boot.h"
#include "cli/boot_ask.h"
#include "cli/boot_net.h"
#include "cli/boot_note.h"
#include "cli/table.h"
#include "crypto/kdf.h"
#include "os/device.h"
#include "os/process.h"
#include "protector/key_medium.h"
#include "volume/cap.h"
#include "volume/volume.h"

#define KEY_MEDIUM_TIMEOUT_S 10

/* --- 1: machines ----------------------------------------------------------------------------- */

/* The volumes that were unlocked before, into @ret with room for all; gives their number. */
static size_t find_others(const struct boot *boot, struct unlocked_volume *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < boot->table.n; i++)
		if (boot->volume[i].fvek)
			ret[n++] = (struct unlocked_volume){
				.uuid = header_uuid(boot->volume[i].header),
				.fvek = boot->volume[i].fvek,
			};
	return n;
}

static int try_kinds(struct asking *asking, uint32_t kinds, const struct secret *startup_key)
{
	struct unlocked_volume others[FVETAB_MAX];
	struct boot_volume *volume = asking->volume;
	const struct fvetab_entry *entry = volume->entry;
	struct unlock how = {
		.tcti = asking->boot->args->unlock.tcti,
		.kinds = entry->kinds ? entry->kinds & kinds : kinds,
		.startup_key = startup_key,
		.others = others,
		.n_others = find_others(asking->boot, others),
		.identity = volume->identity_known ? volume->identity : NULL,
		.tries = {[UNLOCK_ASK_PIN] =
				  boot_chosen(entry->tries, asking->boot->args->unlock.tries) +
				  (asking->known->pin != NULL)},
		.ask = boot_ask,
		.refused = boot_refused,
		.data = asking,
	};

	if (!how.kinds)
		return -ENOENT;
	return unlock_machine(volume->header, &how, &volume->fvek, &volume->used);
}

static bool has_kind(const struct boot_volume *volume, uint32_t kinds)
{
	if (volume->entry->kinds)
		kinds &= volume->entry->kinds;
	return protector_any(volume->header, kinds);
}

/* The startup key from --startup-key-file, or from the medium that the table names. */
static int find_startup_key(const struct boot *boot, const struct fvetab_entry *entry,
			    struct secret **ret)
{
	char device[FVETAB_PATH_MAX + 32];

	if (boot->args->unlock.startup_key_file)
		return cli_read_startup_key(boot->args->unlock.startup_key_file, ret);
	if (!*entry->key_path)
		return 0;
	if (*entry->key_device && fvetab_device_path(entry->key_device, device) < 0)
		return 0;
	return key_medium_read(*entry->key_device ? device : NULL, entry->key_path,
			       boot_chosen(entry->key_timeout_s, KEY_MEDIUM_TIMEOUT_S), ret);
}

static int try_startup_key(struct asking *asking, uint32_t kinds)
{
	_cleanup_secret_ struct secret *startup_key = NULL;

	find_startup_key(asking->boot, asking->volume->entry, &startup_key);
	return try_kinds(asking, kinds, startup_key);
}

static int try_machine(struct asking *asking)
{
	struct boot_volume *volume = asking->volume;
	const struct unlock how = boot_judging(asking);
	bool changed;
	int r;

	if (cap_has_tpm_protector(volume->header) &&
	    cap_wait_for_tpm(asking->boot->args->unlock.tcti) < 0)
		log_verbose("There is no TPM after %d s.", CAP_TPM_WAIT_S);
	r = try_kinds(asking, kind_mask(KIND_ALONE, KIND_NET), NULL);
	if (asking->boot->args->network)
		return r;
	changed = r == -EKEYREJECTED;
	if (r < 0 && !changed && volume->entry->ask_servers &&
	    has_kind(volume, kind_mask(KIND_NET, 0)))
		boot_net_start(asking->boot, volume, &how);
	/* A stick's file system is the attacker's: it is read before the cap only for the TPM. */
	if (r < 0 && has_kind(volume, kind_mask(KIND_KEY | KIND_TPM, 0)))
		r = try_startup_key(asking, kind_mask(KIND_KEY, 0));
	changed |= r == -EKEYREJECTED;
	if (r < 0 && !changed && has_kind(volume, kind_mask(KIND_PIN, 0))) {
		r = try_kinds(asking, kind_mask(KIND_PIN, 0), NULL);
		if (r == 0 && asking->last)
			boot_remember(asking, &asking->known->pin);
	}
	return r;
}

static void unlock_by_machine(struct boot *boot, struct answers *known)
{
	for (size_t i = 0; i < boot->table.n; i++) {
		struct boot_volume *volume = &boot->volume[i];
		__attribute__((cleanup(boot_asking_done))) struct asking asking = {
			.boot = boot,
			.volume = volume,
			.known = known,
		};

		if (volume->header && !volume->open && !volume->copied && !volume->identity_missing)
			try_machine(&asking);
		if (boot->initrd && i == 0 && !volume->fvek && !volume->open) {
			boot->root_refused = true;
			return;
		}
	}
}

/* --- 2: the cap ------------------------------------------------------------------------------ */

/* What says afterwards which volume this boot is from: the first that opened. */
static int cap(struct boot *boot)
{
	uint8_t identity[SHA256_SIZE];

	for (size_t i = 0; i < boot->table.n; i++) {
		const struct boot_volume *volume = &boot->volume[i];

		if (volume->fvek && cap_identity(volume->header, volume->fvek, identity) == 0)
			return boot_cap(boot, identity);
	}
	return boot_cap(boot, NULL);
}

/* --- 4: people ------------------------------------------------------------------------------- */

/* A person judged; what the volume is, is known for sure now. */
static int judge_identity(struct boot_volume *volume)
{
	struct refusal refusal;
	int r = unlock_check_identity(volume->identity_known ? volume->identity : NULL,
				      volume->fvek, &refusal);

	volume->foreign = r == -EKEYREJECTED;
	return volume->foreign ? 0 : r;
}

/* @silent: by what another volume's question was answered with, or not at all. */
static int unlock_by_person(struct boot *boot, struct boot_volume *volume, struct answers *known,
			    bool silent)
{
	__attribute__((cleanup(boot_asking_done))) struct asking asking = {
		.boot = boot,
		.volume = volume,
		.known = known,
		.silent = silent,
	};
	const struct unlock judge = boot_judging(&asking);
	const struct fvetab_entry *entry = volume->entry;
	uint32_t kinds = kind_mask(KIND_TYPED, 0);
	uint32_t tries = silent ? 0
			 : boot->args->unlock.key_file
				 ? 1
				 : boot_chosen(entry->tries, boot->args->unlock.tries);
	struct unlock how = {
		/* A recovery password that is asked for must not be refused by the table. */
		.kinds =
			entry->kinds ? (entry->kinds & kinds) | kind_mask(KIND_RECOVERY, 0) : kinds,
		.tries = {[UNLOCK_ASK_SECRET] = tries + (known->secret != NULL)},
		.identity = volume->identity_known ? volume->identity : NULL,
		.ask = boot_ask,
		.refused = boot_refused,
		.data = &asking,
	};
	int r = -EPERM;

	/* What a person opened may open this one; while volumes are locked nobody has. */
	if (!volume->identity_missing && (boot->args->test || !boot_is_locked()))
		r = try_kinds(&asking, kind_mask(KIND_VOLUME, 0), NULL);
	if (r < 0 && !silent && has_kind(volume, kind_mask(KIND_KEY | KIND_PERSON, 0)) &&
	    !has_kind(volume, kind_mask(KIND_KEY | KIND_TPM, 0)))
		r = try_startup_key(&asking, kind_mask(KIND_KEY | KIND_PERSON, 0));
	if (r < 0 && how.tries[UNLOCK_ASK_SECRET])
		r = unlock_person(volume->header, &how, &volume->fvek, &volume->used);
	/* Nobody has answered, or with nothing that opens: a server still may. */
	if (r < 0 && !volume->fvek && volume->net)
		r = boot_net_wait(volume, &judge);
	if (volume->fvek && kind_has(volume->used.kind, KIND_NET))
		return 0;
	if (r == -ENOENT)
		return log_errno(EPERM, "no protector of %s opened it, and none takes a secret",
				 header_path(volume->header));
	if (r == 0 && asking.last)
		boot_remember(&asking, &known->secret);
	return r < 0 ? r : judge_identity(volume);
}

/*
 * In the initramfs only the root volume matters. Another one that does not open by itself is opened
 * after the switch of root, where a question holds up nothing that an attacker has a use for.
 */
static bool can_wait(const struct boot *boot, size_t i)
{
	return boot->initrd && i > 0;
}

/* No machine's protector opens anything more in this boot, until somebody proves a secret. */
static int lock_machine(const struct boot *boot)
{
	_cleanup_close_ int lock = -1;
	int r;

	if (!boot->volume[0].fvek)
		log_error("The root volume did not open by itself: until a person opens it, "
			  "nothing else does.");
	if (boot->args->test)
		return 0;
	r = boot_hold(&lock);
	return r < 0 ? r : boot_mark_locked();
}

/* Where its servers are asked beside a person, it is known later whether the root opened by itself.
 */
static int settle_root(struct boot *boot)
{
	const struct boot_volume *root = &boot->volume[0];

	if (!boot->root_refused || root->net)
		return 0;
	boot->root_refused = false;
	return root->fvek && kind_has(root->used.kind, KIND_NET) ? 0 : lock_machine(boot);
}

static int open_one(struct boot *boot, size_t i, struct answers *known)
{
	struct boot_volume *volume = &boot->volume[i];
	int r, locked;

	if (!volume->header || volume->copied)
		return -ENODEV;
	if (!volume->fvek && boot->args->network)
		return log_errno(EPERM, "%s stays closed: no machine's protector opens it",
				 volume->entry->name);
	if (!volume->fvek) {
		r = unlock_by_person(boot, volume, known,
				     can_wait(boot, i) && !boot->args->unlock.key_file);
		boot_net_free(volume);
		locked = i == 0 ? settle_root(boot) : 0;
		if (r < 0 || locked < 0)
			return r < 0 ? r : locked;
	}
	boot_net_free(volume);
	return boot_map(boot, volume);
}

static int open_the_rest(struct boot *boot, struct answers *known)
{
	int result = 0;

	for (size_t i = 0; i < boot->table.n; i++) {
		struct boot_volume *volume = &boot->volume[i];
		/* No boot waits for the network's, and what fails there is tried again. */
		bool optional = volume->entry->nofail && !boot->args->network;
		int r;

		if (volume->open)
			continue;
		/* Nobody is asked for swap where the root is missing. */
		if (result < 0 && (optional || can_wait(boot, i)))
			continue;
		r = open_one(boot, i, known);
		if (r < 0 && can_wait(boot, i))
			log_notice("%s stays closed until the root file system is there.",
				   volume->entry->name);
		else if (r < 0 && optional)
			log_notice("%s stays closed; the boot goes on without it (nofail).",
				   volume->entry->name);
		else if (r < 0)
			result = result ?: r;
	}
	return result;
}

/*
 * systemd waits without end for a root device in which udev finds nothing, as after one sector of
 * noise in the right place. The shell that comes of this error is locked first (boot-lock).
 */
static int check_root_content(const struct boot *boot)
{
	const struct boot_volume *root = &boot->volume[0];
	char path[FVETAB_PATH_MAX + 32];

	snprintf(path, sizeof(path), "/dev/mapper/%s", root->entry->name);
	if (device_is_known(path))
		return 0;
	return log_errno(ENODEV,
			 "%s is open, but nothing that is known lies in it, so the boot cannot go "
			 "on: its file system is damaged, or was never made. To repair it: "
			 "fvesetup boot-unlock, then fsck %s",
			 root->entry->name, path);
}

/*
 * What was left out of the table may have been meant for now. In the initramfs this stops the boot
 * only where nothing else opens: boot-table refuses such a line when the image is made.
 */
static int check_table(const struct boot *boot)
{
	if (!boot->n_wrong)
		return 0;
	return log_errno(EINVAL,
			 "%zu of the table's lines cannot be read, and nothing was opened by them",
			 boot->n_wrong);
}

static int cmd_boot_unlock(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	__attribute__((cleanup(boot_answers_free))) struct answers known = {0};
	int r = boot_load(args, args->network ? FVETAB_NETWORK : FVETAB_SYSTEM, args->operand[0],
			  &boot);

	if (r < 0)
		return r;
	if (!boot.table.n && args->operand[0])
		return log_errno(ENOENT, "the table has no volume %s", args->operand[0]);
	if (!boot.table.n)
		return check_table(&boot);
	process_lock_memory(KDF_ROOM);
	boot_find_devices(&boot);
	if (boot.kernel.recovery)
		log_notice("Asked for recovery on the kernel command line: the machine's "
			   "protectors are left alone.");
	else if (!args->test && boot_is_locked())
		log_notice("Volumes were locked in this boot: the machine's protectors are left "
			   "alone.");
	else
		unlock_by_machine(&boot, &known);
	r = cap(&boot);
	if (r < 0)
		return r;
	r = settle_root(&boot);
	if (r < 0)
		return r;
	r = open_the_rest(&boot, &known);
	if (r < 0)
		return r;
	if (boot.initrd && !args->test && !args->operand[0])
		r = check_root_content(&boot);
	return r < 0 || boot.initrd || args->operand[0] ? r : check_table(&boot);
}

ACTION(boot_unlock, "Boot", "boot-unlock", "[<name>]", "open the volumes of /etc/fvetab",
       "Open all volumes that fvetab(5) and the kernel command line name for now, or the one "
       "<name>: first by what needs no person, and by the TPM with its PIN or startup key; then "
       "the TPM is capped; then startup keys without the TPM are looked for, and people asked for "
       "what is still closed. What the units of the boot call. With "
       "--network the volumes that are marked netdev, by machines' protectors alone. With "
       "--test nothing is mapped, but the TPM is capped all the same.",
       OPT_KEY_FILE, OPT_PIN_FILE, OPT_STARTUP_KEY_FILE, OPT_TRIES, OPT_AGENT, OPT_TIMEOUT, OPT_TPM,
       OPT_TEST, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD, OPT_NETWORK);
