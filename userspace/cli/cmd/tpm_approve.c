// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup tpm approve|predict|revoke' actions: which boot chains the TPM opens for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "header/change.h"
#include "keys/boot_policy.h"
#include "keys/vmk.h"
#include "measured/predict.h"

#define ALL_PCRS ((1u << PCR_COUNT) - 1)

/* The volume's policy in the machine's TPM, and how that has booted. */
struct machine {
	struct tpm *tpm;
	struct pcr_values found;
	struct boot_policy policy;
	struct event_log log; /* empty where there is none */
	uint32_t mask;	      /* PCRs of the approval that fits best */
};

static void machine_free(struct machine *m)
{
	tpm_close(m->tpm);
	boot_policy_free(&m->policy);
	event_log_free(&m->log);
}

#define _cleanup_machine_ __attribute__((cleanup(machine_free)))

static int machine_open(const struct unlock_request *how, const struct header *header,
			struct machine *m)
{
	const char *path = header_path(header);
	const struct token_approval *nearest;
	enum reason reason = REASON_NONE;
	struct tpm_name srk;
	int r = tpm_open(how->tcti, &m->tpm, &reason);

	if (r == 0)
		r = tpm_read_pcrs(m->tpm, ALL_PCRS, &m->found, &reason);
	if (r == 0)
		r = tpm_srk_name(m->tpm, TPM_SRK_FIND, &srk, &reason);
	if (r < 0)
		return log_errno(-r, "cannot use the TPM: %s (%s)", reason_text(reason),
				 reason_code(reason));
	r = boot_policy_load(header, &srk, &m->policy);
	if (r == -EBADMSG)
		return log_errno(EBADMSG, "the fve-policy token of %s is damaged or unknown", path);
	if (r == -ENOENT || (r == 0 && !m->policy.token.n_approvals))
		return log_errno(ENOENT, "%s has no protector in this TPM", path);
	if (r == 0)
		r = boot_policy_read_counter(&m->policy, m->tpm, &reason);
	if (r < 0)
		return log_errno(-r, "cannot read the counter of %s in the TPM: %s (%s)", path,
				 reason_text(reason), reason_code(reason));
	nearest = boot_policy_nearest(&m->policy, &m->found);
	m->mask = nearest->policy.pcrs.mask;
	r = event_log_load(how->event_log, &m->log);
	if (r == -ENOENT && !how->event_log)
		r = 0;
	if (r < 0)
		return log_errno(-r, "cannot read the event log %s: %s",
				 how->event_log ?: EVENT_LOG_PATH,
				 r == -EBADMSG ? "it is none, or damaged" : strerror(-r));
	return 0;
}

static int write_policy(struct header *header, const struct secret *fvek,
			const struct boot_policy *policy)
{
	_cleanup_change_ struct change change = {.header = header, .replaces = true};
	_cleanup_free_ char *json = token_policy_format(&policy->token);

	change_set_token(&change, policy->number, json);
	return change_commit(&change, fvek);
}

/* What all three do first. */
static int unlocked(const struct unlock_request *how, int *ret_lock, struct header **ret_header,
		    struct secret **ret_fvek, struct secret **ret_vmk)
{
	int r = cli_open_to_change(how, ret_lock, ret_header, ret_fvek);

	return r < 0 ? r : vmk_from_fvek(*ret_header, *ret_fvek, NULL, ret_vmk);
}

static int approve(const struct approve_request *request, struct header *header,
		   const struct secret *fvek, const struct secret *vmk,
		   const struct boot_state *state, const char *label, struct machine *m,
		   char ret_id[TOKEN_ID_LENGTH + 1])
{
	const struct token_approval *approval;
	int r = request->label ? token_check_label(request->label) : 0;

	if (r < 0)
		return r;
	r = boot_policy_finish(&m->policy, m->tpm);
	if (r < 0)
		return r;
	r = boot_policy_approve(header, vmk, state, request->label ?: label, &m->found, &m->policy,
				&approval);
	if (r < 0)
		return r;
	strcpy(ret_id, approval->head.id);
	if (request->pcrs)
		r = boot_policy_keep(header, vmk, state->pcrs.mask, &m->policy);
	if (r < 0)
		return r;
	/* The new one is good before and after the counter moves, which ends the others. */
	r = write_policy(header, fvek, &m->policy);
	return r < 0 ? r : boot_policy_finish(&m->policy, m->tpm);
}

/* The set that --pcrs names; without, that of the approval which fits best. */
static int choose_pcrs(const struct approve_request *request, const struct machine *m,
		       uint32_t *ret)
{
	enum reason reason;
	uint32_t mask = 0;

	*ret = m->mask;
	if (!request->pcrs)
		return 0;
	if (strcmp(request->pcrs, "default") && pcr_mask_parse(request->pcrs, &mask) < 0)
		return log_errno(EINVAL, "--pcrs takes PCRs below %d, as 4+7+8+9, or default: '%s'",
				 PCR_COUNT, request->pcrs);
	return boot_state_choose(mask, request->force, &m->found, ret, &reason);
}

int cli_approve(const struct approve_request *request)
{
	_cleanup_secret_ struct secret *fvek = NULL, *vmk = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_machine_ struct machine m = {0};
	_cleanup_close_ int lock = -1;
	char id[TOKEN_ID_LENGTH + 1];
	struct boot_state state;
	uint32_t mask;
	int r = unlocked(&request->unlock, &lock, &header, &fvek, &vmk);

	if (r < 0)
		return r;
	r = machine_open(&request->unlock, header, &m);
	if (r < 0)
		return r;
	r = choose_pcrs(request, &m, &mask);
	if (r < 0)
		return r;
	r = boot_state_at_unlock(mask, &m.found, &m.log, &state);
	if (r < 0)
		return r;
	r = approve(request, header, fvek, vmk, &state, "approved", &m, id);
	if (r < 0)
		return r;
	cli_note(&request->unlock, header, "boot-approved", NULL, id);
	printf("approved: %s\n", id);
	return 0;
}

static int cmd_tpm_approve(const struct args *args)
{
	return cli_approve(&(struct approve_request){
		.unlock = args->unlock,
		.label = args->label,
		.pcrs = args->pcrs,
		.force = args->force,
	});
}

ACTION(tpm_approve, "TPM policy", "tpm approve", "<device>", "approve how the machine has booted",
       "Approve the boot chain of this boot, for all TPM protectors of the volume in this TPM, and "
       "over the PCRs that are approved already. No sealed key changes. Print the approval's id. "
       "There is room for 12: the oldest that was revoked makes room, else the oldest that is not "
       "of this boot. With --pcrs the volume moves to another set of PCRs: this boot is approved "
       "over them, and then what was approved over others is taken back, so that other kernels "
       "are to be approved again. A set is refused as for a protector that is added, unless "
       "--force is given.",
       TO_UNLOCK, OPT_LABEL, OPT_PCRS, OPT_FORCE);

/* --- predict -------------------------------------------------------------------------------- */

static int show_prediction(const struct args *args, const struct boot_state *state,
			   const struct pcr_values *found, const char *id)
{
	struct json_object *root;

	if (!args->json) {
		for (int i = 0; i < PCR_COUNT; i++) {
			_cleanup_free_ char *hex = NULL;

			if (!(state->pcrs.mask & 1u << i) || i == PCR_CAP)
				continue;
			hex = hex_encode(state->pcrs.value[i], SHA256_SIZE);
			printf("PCR %-2d  %s%s\n", i, hex ?: "",
			       memcmp(state->pcrs.value[i], found->value[i], SHA256_SIZE)
				       ? "  changes"
				       : "");
		}
		if (id)
			printf("approved: %s\n", id);
		return 0;
	}
	root = json_object_new_object();
	json_object_object_add(root, "pcrs", show_pcrs_json(&state->pcrs));
	object_text(root, "approval", id);
	return object_print(root);
}

static int cmd_tpm_predict(const struct args *args)
{
	const struct predict_change change = {args->kernel, args->initrd, args->cmdline, args->uki,
					      args->old_cmdline};
	const struct approve_request request = {.unlock = args->unlock, .label = args->label};
	_cleanup_secret_ struct secret *fvek = NULL, *vmk = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_machine_ struct machine m = {0};
	_cleanup_close_ int lock = -1;
	char id[TOKEN_ID_LENGTH + 1] = "";
	struct boot_state state;
	int r;

	if (!args->uki == !(args->kernel || args->initrd || args->cmdline))
		return log_errno(EINVAL, "give --uki, or what changes of --kernel, --initrd and "
					 "--cmdline");
	r = args->approve ? unlocked(&args->unlock, &lock, &header, &fvek, &vmk)
			  : header_load(args->operand[0], &header);
	if (r < 0)
		return r;
	r = machine_open(&args->unlock, header, &m);
	if (r < 0)
		return r;
	if (!m.log.n)
		return log_errno(ENOENT, "there is no event log to predict from (%s)",
				 EVENT_LOG_PATH);
	r = predict(m.mask, &m.found, &m.log, &change, &state);
	if (r < 0)
		return r;
	if (args->approve)
		r = approve(&request, header, fvek, vmk, &state, "predicted", &m, id);
	if (r == 0 && args->approve)
		cli_note(&args->unlock, header, "boot-approved", NULL, id);
	return r < 0 ? r : show_prediction(args, &state, &m.found, *id ? id : NULL);
}

ACTION(tpm_predict, "TPM policy", "tpm predict", "<device>",
       "show or approve the PCRs of the next boot",
       "Compute the PCRs of a boot with another --kernel, --initrd or --cmdline, or with another "
       "--uki, from the event log of this boot; show them, and with --approve approve them as tpm "
       "approve does. Where the log does not replay to the PCRs, or does not tell what to replace, "
       "one line says so and nothing is approved. A kernel must be signed by whoever signed this "
       "one, or PCR 7 will differ. With GRUB only files of the same name are predicted. "
       "Nobody is asked anything where a machine's protector or --key-file opens, so that it can "
       "run when a package is installed.",
       OPT_KERNEL, OPT_INITRD, OPT_CMDLINE, OPT_UKI, OPT_APPROVE, OPT_LABEL, OPT_OLD_CMDLINE,
       TO_UNLOCK, OPT_JSON);

/* --- revoke --------------------------------------------------------------------------------- */

static int cmd_tpm_revoke(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL, *vmk = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_machine_ struct machine m = {0};
	_cleanup_close_ int lock = -1;
	int r = unlocked(&args->unlock, &lock, &header, &fvek, &vmk);

	if (r < 0)
		return r;
	r = machine_open(&args->unlock, header, &m);
	if (r < 0)
		return r;
	r = boot_policy_finish(&m.policy, m.tpm);
	if (r < 0)
		return r;
	r = boot_policy_revoke(header, vmk, args->operand[1], &m.policy);
	if (r < 0)
		return r;
	/* The kept ones are good before and after the counter moves (boot_policy.h). */
	r = write_policy(header, fvek, &m.policy);
	if (r == 0)
		r = boot_policy_finish(&m.policy, m.tpm);
	if (r == 0)
		cli_note(&args->unlock, header, "boot-revoked", NULL, args->operand[1]);
	return r;
}

ACTION(tpm_revoke, "TPM policy", "tpm revoke", "<device> <approval>", "take an approval back",
       "Take an approval back, for good: the others are signed again, and a counter in the TPM goes "
       "on, so that an old copy of the header does not bring it back. An interrupted revocation is "
       "finished by the next tpm approve, tpm predict --approve or tpm revoke.",
       TO_UNLOCK);
