// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup tpm status' action: what the TPM would do now, and why. */
#include <errno.h>
#include <stdio.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "keys/boot_policy.h"
#include "protector/unlock.h"

#define ALL_PCRS ((1u << PCR_COUNT) - 1)

struct tpm_status {
	enum reason reason; /* why the TPM cannot be used */
	bool have_srk, have_policy;
	struct tpm_name srk;
	struct pcr_values found;
	struct tpm_lockout lockout;
	struct boot_policy policy;
	enum reason counter_reason; /* why the counter cannot be read */
};

static void status_free(struct tpm_status *s)
{
	boot_policy_free(&s->policy);
}

#define _cleanup_status_ __attribute__((cleanup(status_free)))

static void read_status(const struct args *args, const struct header *header, struct tpm_status *s)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	int r = tpm_open(args->unlock.tcti, &tpm, &s->reason);

	if (r == 0)
		r = tpm_read_pcrs(tpm, ALL_PCRS, &s->found, &s->reason);
	if (r == 0)
		r = tpm_lockout_read(tpm, &s->lockout, &s->reason);
	if (r == 0)
		r = tpm_srk_name(tpm, TPM_SRK_FIND, &s->srk, &s->reason);
	s->have_srk = r == 0;
	s->have_policy = r == 0 && boot_policy_load(header, &s->srk, &s->policy) == 0;
	if (s->have_policy)
		boot_policy_read_counter(&s->policy, tpm, &s->counter_reason);
}

static const char *approval_state(const struct tpm_status *s, const struct token_approval *a)
{
	if (s->counter_reason != REASON_NONE || boot_policy_revoked(&s->policy, a))
		return "revoked";
	return pcr_values_differ(&a->policy.pcrs, &s->found) & ~(1u << PCR_CAP) ? "approved"
										: "now";
}

/* --- text ----------------------------------------------------------------------------------- */

static void show_tpm(const struct tpm_status *s)
{
	const struct tpm_lockout *l = &s->lockout;
	_cleanup_free_ char *srk = s->have_srk ? hex_encode(&s->srk, sizeof(s->srk)) : NULL;

	if (s->reason != REASON_NONE)
		printf("TPM:        %s (%s)\n", reason_text(s->reason), reason_code(s->reason));
	if (srk)
		printf("SRK:        %s\nPCR bank:   sha256%s\n", srk,
		       boot_state_capped(&s->found) ? ", capped in this boot" : "");
	if (!l->max_tries)
		return;
	printf("Wrong PINs: %u of %u; one is forgiven every %u s while the TPM has power%s\n",
	       l->failed, l->max_tries, l->interval_s,
	       l->locked ? "; LOCKED: no PIN is taken until then" : "");
}

static void show_policy(const struct tpm_status *s)
{
	const struct token_policy *token = &s->policy.token;

	if (!s->have_policy)
		return;
	if (s->counter_reason != REASON_NONE)
		printf("Counter:    NV index 0x%x: %s (%s)\n", token->counter,
		       reason_text(s->counter_reason), reason_code(s->counter_reason));
	else if (token->counter)
		printf("Counter:    NV index 0x%x is %ju%s\n", token->counter,
		       (uintmax_t)s->policy.counter,
		       boot_policy_pending(&s->policy) ? "; a revocation was interrupted: repeat it"
						       : "");
	else
		printf("Counter:    none: no approval can be revoked\n");
	printf("\n%-10s %-21s %-9s %-15s %s\n", "APPROVAL", "CREATED", "STATE", "PCRS", "LABEL");
	for (size_t i = 0; i < token->n_approvals; i++) {
		const struct token_approval *a = &token->approvals[i];
		_cleanup_free_ char *pcrs = pcr_mask_format(a->policy.pcrs.mask);

		printf("%-10s %-21s %-9s %-15s %s%s\n", a->head.id, a->head.created,
		       approval_state(s, a), pcrs ?: "", a->head.label,
		       boot_policy_weak(&s->policy, a) ? " [weak-pcrs]" : "");
	}
}

static void show_verdict(const struct args *args, const struct protector *p,
			 const struct verdict *v)
{
	char left[40] = "";

	if (v->boots_left >= 0)
		snprintf(left, sizeof(left), ", for %d more %s", v->boots_left,
			 v->boots_left == 1 ? "boot" : "boots");
	printf("%-10s %-10s %s%s\n", p->head.id, protector_kind_name(p->kind),
	       !v->opens		     ? "refuses"
	       : kind_has(p->kind, KIND_PIN) ? "opens, with its PIN"
	       : kind_has(p->kind, KIND_KEY) ? "opens, with its startup key"
	       : kind_has(p->kind, KIND_NET) ? "opens, with the network"
					     : "opens",
	       left);
	fflush(stdout);
	if (!v->opens)
		cli_show_refusal(args->unlock.event_log, p, &v->refusal);
}

/* --- JSON ----------------------------------------------------------------------------------- */

static struct json_object *lockout_json(const struct tpm_lockout *l)
{
	struct json_object *o = json_object_new_object();

	object_number(o, "failed", l->failed);
	object_number(o, "max_tries", l->max_tries);
	object_number(o, "interval", l->interval_s);
	object_bool(o, "locked", l->locked);
	object_bool(o, "owned", l->owned);
	return o;
}

static struct json_object *approvals_json(const struct tpm_status *s)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; s->have_policy && i < s->policy.token.n_approvals; i++) {
		const struct token_approval *a = &s->policy.token.approvals[i];
		struct json_object *o = show_approval_json(a);

		object_text(o, "state", approval_state(s, a));
		object_bool(o, "weak", boot_policy_weak(&s->policy, a));
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *counter_json(const struct tpm_status *s)
{
	struct json_object *o;

	if (!s->have_policy || !s->policy.token.counter)
		return NULL;
	o = json_object_new_object();
	object_number(o, "nv_index", s->policy.token.counter);
	object_count(o, "value",
		     s->counter_reason == REASON_NONE ? (int64_t)s->policy.counter : -1);
	object_bool(o, "pending", boot_policy_pending(&s->policy));
	return o;
}

static struct json_object *verdict_json(const struct args *args, const struct protector *p,
					const struct verdict *v)
{
	struct json_object *o = json_object_new_object();

	object_text(o, "id", p->head.id);
	object_text(o, "kind", protector_kind_name(p->kind));
	object_bool(o, "opens", v->opens);
	object_count(o, "boots_left", v->boots_left);
	cli_refusal_json(args->unlock.event_log, &v->refusal, o);
	return o;
}

static struct json_object *status_json(const struct tpm_status *s)
{
	struct json_object *o = json_object_new_object();

	object_reason(o, "reason", s->reason);
	if (s->have_srk)
		object_hex(o, "srk", &s->srk, sizeof(s->srk));
	else
		object_text(o, "srk", NULL);
	object_text(o, "bank", s->found.mask ? "sha256" : NULL);
	object_bool(o, "capped", s->found.mask && boot_state_capped(&s->found));
	json_object_object_add(o, "lockout",
			       s->lockout.max_tries ? lockout_json(&s->lockout) : NULL);
	json_object_object_add(o, "counter", counter_json(s));
	json_object_object_add(o, "approvals", approvals_json(s));
	return o;
}

static int cmd_tpm_status(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_status_ struct tpm_status s = {0};
	struct protector list[PROTECTOR_LIST_MAX];
	struct json_object *root = NULL, *array = NULL;
	bool opens = false, any = false;
	int r = header_load(args->operand[0], &header), n;

	if (r < 0)
		return r;
	read_status(args, header, &s);
	if (args->json) {
		root = status_json(&s);
		json_object_object_add(root, "concerns",
				       show_concerns_json(header, args->unlock.tcti));
		array = json_object_new_array();
		json_object_object_add(root, "protectors", array);
	} else {
		show_tpm(&s);
		show_concerns(header, args->unlock.tcti);
		show_policy(&s);
		printf("\n");
	}
	n = protector_list(header, list);
	for (int i = 0; i < n; i++) {
		struct verdict verdict;

		if (!kind_rows[list[i].kind]->check)
			continue;
		unlock_judge(header, &list[i], args->unlock.tcti, &verdict);
		any = true;
		opens |= verdict.opens;
		if (args->json)
			json_object_array_add(array, verdict_json(args, &list[i], &verdict));
		else
			show_verdict(args, &list[i], &verdict);
	}
	if (args->json) {
		object_bool(root, "opens", opens);
		r = object_print(root);
	}
	if (r == 0 && !any)
		return log_errno(ENOENT, "%s has no TPM protector", args->operand[0]);
	return r == 0 && !opens ? -EPERM : r;
}

ACTION(tpm_status, "TPM policy", "tpm status", "<device>", "tell what the TPM would do now",
       "Tell whether the TPM would release the key now, and if not why: the reason, the PCRs that "
       "differ, and the first event of the log that does; the approved boot chains; the counter "
       "by which they are revoked; wrong PINs that count, and when one is forgiven. No secret is "
       "needed and no try is made. The exit status is 2 where no TPM protector would open.",
       OPT_TPM, OPT_EVENT_LOG, OPT_JSON);
