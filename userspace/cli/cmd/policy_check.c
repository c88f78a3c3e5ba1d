// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup policy check|revoke|resume' actions: what a root's owner says now, and its effect.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/object.h"
#include "cli/table.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_roots.h"
#include "custody/keypolicy_seen.h"
#include "volume/revoke.h"

#define CHECKS_IN_BOUND                                                          \
	4 /* so that one that comes late, and what follows, still keep the bound \
	   */

struct locking {
	const struct keypolicy *policy;
	const char *tcti;
	unsigned int found; /* open volumes of it */
	int result;
};

static int lock_one(void *data, const char *name)
{
	struct locking *locking = data;
	_cleanup_volume_status_ struct volume_status status = {0};
	int r = volume_status(name, &status);

	for (size_t i = 0; r == 0 && i < locking->policy->n_volumes; i++) {
		if (strcmp(locking->policy->volumes[i].uuid, status.uuid))
			continue;
		log_error("policy %s is suspended (%s): %s is taken from whoever uses it",
			  locking->policy->name, locking->policy->suspended_why, name);
		locking->found++;
		r = revoke_volume(name);
		keypolicy_audit(locking->policy, locking->tcti,
				r < 0 ? "volume-not-locked" : "volume-locked", status.uuid, name);
		break;
	}
	if (r < 0)
		locking->result = r;
	return 0;
}

/* systemd(1): SIGRTMIN+4 starts poweroff.target. */
static int stop_machine(void)
{
	log_error("the policy says to stop: this machine is switched off");
	return kill(1, SIGRTMIN + 4) < 0 ? log_errno(errno, "cannot tell init to switch off: %m")
					 : 0;
}

/* What the policy says for open volumes of one that is suspended; @lock: at least that. */
static int take_effect(const struct keypolicy *policy, const char *tcti, bool lock)
{
	struct locking locking = {.policy = policy, .tcti = tcti};
	int r;

	if (policy->on_revocation == ON_REVOCATION_NONE && !lock)
		return 0;
	r = volume_each(lock_one, &locking);
	/* Not where nothing is open: a machine that is started again must stay up for resume. */
	if (policy->on_revocation == ON_REVOCATION_STOP && locking.found)
		stop_machine();
	return r < 0 ? r : locking.result;
}

/* What a policy's roots said. */
struct finding {
	struct provider_error roots[WRAP_ROOTS];
	const char *state; /* "registered", "degraded", "outage", "suspended" */
	int result;
};

static bool any(const struct finding *finding, enum provider_outcome outcome)
{
	for (int i = 0; i < WRAP_ROOTS; i++)
		if (finding->roots[i].outcome == outcome)
			return true;
	return false;
}

/* Ask each root by itself: a hedge would leave one of them unasked. -EIO: the lease is as it was.
 */
static int ask_roots(const struct keypolicy *policy, const char *tcti, struct keypolicy *renewed,
		     struct finding *ret)
{
	bool done = false;
	int result = 0;

	for (int i = 0; i < WRAP_ROOTS; i++) {
		_cleanup_secret_ struct secret *proof = NULL;
		struct provider_error errs[WRAP_ROOTS];
		int r = keypolicy_prove(policy, (enum wrap_key)i, &proof, errs);

		ret->roots[i] = errs[i];
		if (r < 0 || done || *policy->suspended)
			continue;
		if (keypolicy_lease_renew(renewed, tcti, (enum wrap_key)i, proof) < 0)
			result = -EIO;
		done = true;
	}
	return result;
}

/* A suspended policy's roots are asked on an order alone: a PIN that was changed would lock. */
static int check(const struct args *args, struct keypolicy *policy, struct finding *ret)
{
	_cleanup_keypolicy_ struct keypolicy asked = {0};
	int r = keypolicy_load(policy->name, &asked), lease;

	if (r < 0)
		return r;
	if (*asked.suspended && !args->operand[0]) {
		for (int i = 0; i < WRAP_ROOTS; i++)
			ret->roots[i].outcome = PROVIDER_UNASKED;
		ret->state = "suspended";
		ret->result = -EPERM;
		return take_effect(policy, args->unlock.tcti, false);
	}
	lease = ask_roots(&asked, args->unlock.tcti, policy, ret);
	ret->state = any(ret, PROVIDER_OK) ? "degraded" : "outage";
	if (ret->roots[WRAP_ROOT_A].outcome == PROVIDER_OK &&
	    ret->roots[WRAP_ROOT_B].outcome == PROVIDER_OK)
		ret->state = "registered";
	else if (any(ret, PROVIDER_OK))
		ret->result = -EREMOTEIO;
	/* Degraded is what people live with; without its lease the policy opens in no outage. */
	if (lease < 0)
		ret->result = lease;
	keypolicy_seen(policy, args->unlock.tcti, ret->roots, 1u << WRAP_ROOT_A | 1u << WRAP_ROOT_B,
		       NULL);
	if (!any(ret, PROVIDER_OK)) {
		ret->result = -EHOSTUNREACH;
		if (any(ret, PROVIDER_DENIED))
			r = keypolicy_suspend(policy, args->unlock.tcti,
					      reason_code(REASON_KEY_DENIED), NULL);
	}
	if (!*policy->suspended)
		return r;
	ret->state = "suspended";
	ret->result = -EPERM;
	return take_effect(policy, args->unlock.tcti, false);
}

static struct json_object *finding_json(const struct keypolicy *policy,
					const struct finding *finding)
{
	struct json_object *o = json_object_new_object(), *roots = json_object_new_array();

	object_text(o, "name", policy->name);
	object_text(o, "state", finding->state);
	for (int i = 0; i < WRAP_ROOTS; i++) {
		const struct provider_error *e = &finding->roots[i];
		struct json_object *root = json_object_new_object();

		object_text(root, "root", i == WRAP_ROOT_A ? "a" : "b");
		object_text(root, "outcome", provider_outcome_names[e->outcome]);
		object_known(root, "detail", e->detail);
		json_object_array_add(roots, root);
	}
	json_object_object_add(o, "roots", roots);
	return o;
}

struct checking {
	const struct args *args;
	struct json_object *array; /* NULL: text */
	bool all;		   /* not only those that are due */
	int result;
};

/* Whether a root has not been used for so long that the bound wants one now. */
static bool is_due(const struct keypolicy *policy)
{
	struct tm tm = {0};
	time_t proved;

	if (*policy->suspended || !*policy->proved ||
	    !strptime(policy->proved, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return true;
	proved = timegm(&tm);
	return time(NULL) < proved ||
	       time(NULL) - proved >= (time_t)policy->bound * 60 / CHECKS_IN_BOUND;
}

static int check_one(void *data, const char *name)
{
	struct checking *checking = data;
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	struct finding finding = {0};
	int r = keypolicy_load(name, &policy);

	if (r == 0 && !checking->all && !is_due(&policy))
		return 0;
	if (r == 0)
		r = check(checking->args, &policy, &finding);
	/* Where one is degraded, what is worse is told. */
	if (checking->result == 0 || checking->result == -EREMOTEIO)
		checking->result = r < 0 ? r : finding.result ?: checking->result;
	if (!finding.state)
		return 0;
	if (checking->array) {
		json_object_array_add(checking->array, finding_json(&policy, &finding));
		return 0;
	}
	printf("%-20s %s\n", policy.name, finding.state);
	for (int i = 0; i < WRAP_ROOTS; i++)
		printf("  root %c: %s%s%s\n", 'a' + i,
		       provider_outcome_names[finding.roots[i].outcome],
		       *finding.roots[i].detail ? ", " : "", finding.roots[i].detail);
	fflush(stdout);
	return 0;
}

static int cmd_policy_check(const struct args *args)
{
	struct checking checking = {
		.args = args,
		.array = args->json ? json_object_new_array() : NULL,
		.all = args->operand[0],
	};
	int r = args->operand[0] ? check_one(&checking, args->operand[0])
				 : keypolicy_each(check_one, &checking);

	if (args->json) {
		object_print_list("policies", checking.array);
	}
	return r < 0 ? r : checking.result;
}

ACTION(policy_check, "Customer keys", "policy check", "[<name>]",
       "use the roots now, and act on a denial",
       "Have both roots of a policy unwrap something, tell what became of it, and act on it: a "
       "success renews the lease of a transient availability key; a denial, where the other root "
       "does not unwrap either, suspends the policy and does to its open volumes what "
       "--on-revocation said; an outage changes nothing. Without <name>, all policies whose last "
       "success is a quarter of their --bound ago: what fve-policy.timer calls. Exits with 2 "
       "where one is suspended, with 4 in an outage and where a lease could not be renewed, and with "
       "3 where one root does not unwrap.",
       OPT_TPM, OPT_JSON);

static int cmd_policy_revoke(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = keypolicy_load(args->operand[0], &policy);

	if (r < 0)
		return r;
	r = keypolicy_suspend(&policy, args->unlock.tcti, "revoked", NULL);
	return r < 0 ? r : take_effect(&policy, args->unlock.tcti, true);
}

ACTION(policy_revoke, "Customer keys", "policy revoke", "<name>",
       "suspend it, and lock its open volumes",
       "Suspend a policy from this side: none of its volumes opens, and from those that are open "
       "the key is taken. I/O fails, file systems are unmounted, caches dropped.",
       OPT_TPM);

static int set_active(struct keypolicy *policy, void *data)
{
	(void)data;
	*policy->suspended = '\0';
	*policy->suspended_why = '\0';
	return 0;
}

static int cmd_policy_resume(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *proof = NULL;
	struct provider_error errs[WRAP_ROOTS];
	int r = keypolicy_load(args->operand[0], &policy);

	if (r < 0)
		return r;
	if (!*policy.suspended)
		return log_errno(EINVAL, "policy %s is not suspended", policy.name);
	r = keypolicy_prove(&policy, WRAP_ROOTS, &proof, errs);
	if (r < 0) {
		log_error("policy %s stays suspended: no root unwraps", policy.name);
		for (int i = 0; i < WRAP_ROOTS; i++)
			log_notice("  root %c: %s%s%s", 'a' + i,
				   provider_outcome_names[errs[i].outcome],
				   *errs[i].detail ? ", " : "", errs[i].detail);
		return r;
	}
	r = keypolicy_update(&policy, set_active, NULL);
	return r < 0 ? r
		     : keypolicy_audit(&policy, args->unlock.tcti, "policy-resumed", NULL, NULL);
}

ACTION(policy_resume, "Customer keys", "policy resume", "<name>",
       "end that, when a root unwraps again",
       "End the suspension of a policy. A root has to unwrap first.", OPT_TPM);
