// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup format' action. */
#include <errno.h>

#include "cli/table.h"
#include "header/copies.h"
#include "keys/boot_policy.h"
#include "keys/vmk.h"
#include "os/device.h"
#include "os/file.h"

/* What is to be made: protectors, and what their owner will have to bring. */
struct plan {
	struct protector_spec specs[CLI_MAX_PROTECTORS];
	struct secret *secrets[CLI_MAX_PROTECTORS]; /* owned; NULL where there is none */
	unsigned int n;
};

static void plan_free(struct plan *plan)
{
	for (unsigned int i = 0; i < plan->n; i++)
		secret_free(plan->secrets[i]);
}

static bool plan_has(const struct plan *plan, uint32_t kinds)
{
	for (unsigned int i = 0; i < plan->n; i++)
		if (kinds & 1u << plan->specs[i].kind)
			return true;
	return false;
}

/* No new file is written over another new one. */
static int check_names(const struct args *args, const struct plan *plan)
{
	const char *names[2 + CLI_MAX_PROTECTORS] = {args->unlock.startup_key_file,
						     args->handover.recovery_file};

	for (unsigned int i = 0; i < plan->n; i++)
		names[2 + i] = *plan->specs[i].file ? plan->specs[i].file : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t k = 0; k < i; k++)
			if (file_is_one(names[i], names[k]))
				return log_errno(EINVAL, "two secrets cannot go into one file: %s",
						 names[i]);
	return 0;
}

/* Everything that can be refused is refused before the first byte is written. */
static int plan_parse(const struct args *args, struct plan *plan)
{
	unsigned int keys = 0;
	int r;

	for (unsigned int i = 0; i < args->n_protectors; i++) {
		r = protector_spec_parse(args->protector[i], &plan->specs[i]);
		if (r < 0)
			return r;
		plan->n++;
	}
	if (!plan->n)
		plan->specs[plan->n++] = (struct protector_spec){.kind = PROTECTOR_PASSPHRASE};
	if (args->unlock.key_file && !plan_has(plan, kind_mask(KIND_TYPED, KIND_RECOVERY)))
		return log_errno(EINVAL, "--key-file goes with --protector passphrase");
	if (args->unlock.pin_file && !plan_has(plan, kind_mask(KIND_PIN, 0)))
		return log_errno(EINVAL, "--pin-file goes with --protector tpm2-pin");
	for (unsigned int i = 0; i < plan->n; i++)
		keys += kind_has(plan->specs[i].kind, KIND_KEY);
	if (!args->n_net != !plan_has(plan, kind_mask(KIND_NET, 0)))
		return log_errno(EINVAL, "--net goes with --protector tpm2-net, which needs it");
	if (keys > 1 || !keys != !args->unlock.startup_key_file)
		return log_errno(EINVAL, "--startup-key-file goes with one --protector startup-key "
					 "or tpm2-key");
	if ((args->handover.recovery_file || args->handover.n_escrow) && args->no_recovery)
		return log_errno(EINVAL,
				 "--recovery-file and --escrow do not go with --no-recovery");
	if (args->no_recovery && !plan_has(plan, kind_mask(KIND_PERSON, KIND_RECOVERY)))
		return log_errno(EINVAL, "a volume that only this machine's TPM opens is lost with "
					 "it: add a passphrase, or leave out --no-recovery");
	if (args->json && !args->no_recovery && !args->handover.recovery_file &&
	    !args->handover.n_escrow)
		return log_errno(EINVAL, "--json goes with --recovery-file, --escrow or "
					 "--no-recovery: a password is not part of it");
	for (unsigned int i = 0; i < plan->n; i++) {
		const struct protector_spec *spec = &plan->specs[i];

		if (*spec->volume || kind_has(spec->kind, KIND_TEMPORARY))
			return log_errno(EINVAL,
					 "%s goes with protector add, when the volume is "
					 "there",
					 *spec->volume ? "auto,volume="
						       : protector_kind_name(spec->kind));
		r = cli_check_auto(args, spec);
		if (r < 0)
			return r;
	}
	r = check_names(args, plan);
	if (r == 0)
		r = file_check_new(args->unlock.startup_key_file, "startup key");
	if (r == 0)
		r = cli_check_escrow(&args->handover);
	return r < 0 || args->no_recovery ? r : cli_check_recovery(&args->handover);
}

static int plan_ask(const struct args *args, struct plan *plan)
{
	for (unsigned int i = 0; i < plan->n; i++) {
		bool pin = kind_has(plan->specs[i].kind, KIND_PIN);
		int r = cli_new_secret(args, &plan->specs[i],
				       pin ? args->unlock.pin_file : args->unlock.key_file,
				       &plan->secrets[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* What can be refused of each protector while the device is as it was. */
static int plan_rehearse(const struct args *args, const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->n; i++) {
		const struct enrolment how = {
			.spec = &plan->specs[i],
			.tcti = args->unlock.tcti,
			.event_log = args->unlock.event_log,
			.net = args->net,
			.n_net = args->n_net,
		};
		int r = protector_rehearse(args->operand[0], &how);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A passphrase that is a PIN as well would be found without the TPM. */
static int check_pins(const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->n; i++)
		for (unsigned int k = 0; k < plan->n; k++)
			if (kind_has(plan->specs[i].kind, KIND_PIN) &&
			    kind_has(plan->specs[k].kind, KIND_TYPED) && plan->secrets[k] &&
			    secret_equal(plan->secrets[i], plan->secrets[k]))
				return log_errno(EINVAL, "a PIN must differ from the passphrase, "
							 "or it could be guessed without the TPM");
	return 0;
}

static int confirm(const struct args *args, const char *path)
{
	struct device_info info;
	int r = device_probe(path, &info);

	if (r < 0)
		return r;
	return prompt_confirm(args->batch_mode, "All data on %s%s%s%s will be lost.", path,
			      *info.signature ? " (it holds " : "", info.signature,
			      *info.signature ? ")" : "");
}

/* The volume that is there already, whose counter in the TPM goes with it. */
static void load_old(const char *path, struct header **ret)
{
	if (header_copies_have_vmk(path) && header_try(path, ret) < 0)
		log_notice("The header that was on %s cannot be read: where that volume had a "
			   "counter in the TPM, it stays there (fvesetup tpm counters).",
			   path);
}

/* "v.img is a volume now, opened by passphrase b850697a, recovery 5e4c1a2b." */
static void say_farewell(const struct header *header)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	log_notice("%s is a volume now. What opens it:", header_path(header));
	for (int i = 0; i < n; i++)
		log_notice("  %-12s %s", protector_kind_name(list[i].kind), list[i].head.id);
}

static int cmd_format(const struct args *args)
{
	static const struct protector_spec recovery = {.kind = PROTECTOR_RECOVERY};
	__attribute__((cleanup(plan_free))) struct plan plan = {0};
	_cleanup_secret_ struct secret *fvek = secret_random(FVEK_SIZE), *vmk = NULL;
	_cleanup_header_ struct header *header = NULL, *old = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct header_format how = {.label = args->label, .sector_size = args->sector_size};
	int tpm = 0, r = plan_parse(args, &plan);

	if (r == 0)
		r = device_lock(path, DEVICE_TO_CHANGE, &lock);
	if (r == 0)
		r = device_check_unused(path);
	if (r == 0)
		r = confirm(args, path);
	if (r == 0)
		r = plan_ask(args, &plan);
	if (r == 0)
		r = check_pins(&plan);
	if (r == 0)
		r = plan_rehearse(args, &plan);
	if (r == 0 && !fvek)
		r = -ENOMEM;
	if (r == 0)
		load_old(path, &old);
	if (r == 0)
		r = header_format(path, &how, fvek, &header);
	if (r == 0 && old)
		tpm = boot_policy_remove_counters(old, args->unlock.tcti);
	if (r == 0)
		r = vmk_create(header, fvek, &vmk);
	/* First of all, where it is escrowed: nothing else opens the volume before that is done. */
	if (r == 0 && args->handover.n_escrow)
		r = cli_add_recovery(&args->handover, &args->unlock, header, fvek, &recovery);
	for (unsigned int i = 0; i < plan.n && r == 0; i++)
		r = cli_add_protector(args, header, fvek, &plan.specs[i], plan.secrets[i],
				      args->unlock.startup_key_file);
	if (r == 0 && !args->no_recovery && !args->handover.n_escrow)
		r = cli_add_recovery(&args->handover, &args->unlock, header, fvek, &recovery);
	/* A volume of whose identity nobody takes note is a whole volume. */
	if (r == 0)
		cli_remember_identity(header, fvek);
	if (r == 0)
		cli_note(&args->unlock, header, "volume-formatted", NULL, NULL);
	if (r == 0)
		r = cli_show_identity(args->json, header, fvek);
	if (r == 0)
		say_farewell(header);
	if (r < 0 && header)
		log_error("%s has a new header but not all of its protectors; format it again",
			  path);
	return r ?: tpm;
}

ACTION(format, "Volumes", "format", "<device>", "make a new volume; all data there is lost",
       "Make a new volume. All data on the device is lost; what the TPM kept for a volume that was "
       "there goes, too, unless there is a copy of it. Without --protector a "
       "passphrase is asked for. A recovery password is always made and printed once, "
       "unless --no-recovery is given; with --recovery-file it is written to a file "
       "instead.",
       OPT_PROTECTOR, OPT_KEY_FILE, OPT_PIN_FILE, OPT_STARTUP_KEY_FILE, OPT_NET, OPT_AGENT,
       OPT_TIMEOUT, OPT_TPM, OPT_EVENT_LOG, OPT_NO_RECOVERY, OPT_LABEL, OPT_SECTOR_SIZE, OPT_FORCE,
       OPT_JSON, TO_MAKE_PROTECTORS);
