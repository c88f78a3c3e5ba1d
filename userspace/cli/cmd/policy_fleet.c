// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup policy export|apply|retire' actions: one key policy on many machines. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/object.h"
#include "cli/table.h"
#include "custody/audit.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_order.h"
#include "custody/keypolicy_roots.h"
#include "custody/keypolicy_volumes.h"
#include "protector/customer_rewrap.h"

#define SUFFIX	   ".policy" /* of the files of a directory that are orders */
#define ORDERS_MAX 256	     /* in one directory */

int cli_policy_by_hand(const struct args *args)
{
	if (args->local || !keypolicy_order_governs())
		return 0;
	return log_errno(EPERM, "this machine takes its policies from signed orders "
				"(" ORDER_SIGNERS "); by hand only with --local");
}

static int cmd_policy_export(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_free_ char *order = NULL;
	int r;

	if (!args->sign || !args->signer)
		return log_errno(EINVAL, "policy export needs --sign and --signer, a private key "
					 "and its certificate");
	r = keypolicy_load(args->operand[0], &policy);
	if (r == 0)
		r = keypolicy_order_sign(&policy, args->sign, args->signer, &order);
	if (r < 0)
		return r;
	fputs(order, stdout);
	return 0;
}

ACTION(policy_export, "Customer keys", "policy export", "<name>",
       "sign it as an order for other machines",
       "Print a policy as an order, which other machines apply: its roots, the public half of its "
       "availability key and its settings, signed with the key --sign, whose certificate is "
       "--signer. Volumes, proofs and states are each machine's own, and not in it. A policy with "
       "--availability transient cannot be exported.",
       OPT_SIGN, OPT_SIGNER);

/* What became of an order. */
enum result {
	RESULT_FAILED, /* for a reason that may pass */
	RESULT_REFUSED,
	RESULT_UNCHANGED,
	RESULT_SUPERSEDED, /* a newer one is in the same directory */
	RESULT_MADE,
	RESULT_ROLLED,
	RESULT_FINISHED, /* a roll that had been interrupted */
};

static const char *const results[] = {
	[RESULT_FAILED] = "failed",	  [RESULT_REFUSED] = "refused",
	[RESULT_UNCHANGED] = "unchanged", [RESULT_SUPERSEDED] = "superseded",
	[RESULT_MADE] = "made",		  [RESULT_ROLLED] = "rolled",
	[RESULT_FINISHED] = "finished",
};

struct order {
	char *path; /* owned */
	struct keypolicy policy;
	char signer[ORDER_SUBJECT_SIZE];
	enum order_fault fault;
	enum result result;
	bool changed; /* something on this machine is not as before */
	int error;
};

struct orders {
	struct order list[ORDERS_MAX];
	size_t n;
};

static void orders_free(struct orders **p)
{
	for (size_t i = 0; *p && i < (*p)->n; i++) {
		free((*p)->list[i].path);
		keypolicy_free(&(*p)->list[i].policy);
	}
	free(*p);
}
#define _cleanup_orders_ __attribute__((cleanup(orders_free)))

static int add_order(struct orders *orders, char *path)
{
	if (!path)
		return -ENOMEM;
	if (orders->n == ORDERS_MAX) {
		free(path);
		return log_errno(EFBIG, "more than %d orders at once", ORDERS_MAX);
	}
	orders->list[orders->n++].path = path;
	return 0;
}

static int is_order(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), tail = strlen(SUFFIX);

	return *entry->d_name != '.' && length > tail &&
	       !strcmp(entry->d_name + length - tail, SUFFIX);
}

/* One file, or the orders of a directory in the order of their names. */
static int find_orders(const char *path, struct orders *orders)
{
	struct dirent **entries;
	struct stat st;
	int n, r = 0;

	if (stat(path, &st) < 0)
		return log_errno(errno, "cannot read %s: %m", path);
	if (!S_ISDIR(st.st_mode))
		return add_order(orders, strdup(path));
	n = scandir(path, &entries, is_order, alphasort);
	if (n < 0)
		return log_errno(errno, "cannot read %s: %m", path);
	for (int i = 0; i < n; i++) {
		char *file;

		if (r == 0)
			r = add_order(orders, asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0
						      ? NULL
						      : file);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Whoever lays down an order that is refused is to be found. */
static int record_refusal(const struct order *order, const char *tcti)
{
	const struct keypolicy *policy = &order->policy;
	char generation[12];
	const struct audit_field fields[] = {
		{"policy", *policy->name ? policy->name : NULL},
		{"policy_uuid", *policy->uuid ? policy->uuid : NULL},
		{"generation", policy->generation ? generation : NULL},
		{"why", keypolicy_order_fault_code(order->fault)},
		{"signer", *order->signer ? order->signer : NULL},
		{"file", order->path},
	};

	snprintf(generation, sizeof(generation), "%u", policy->generation);
	return audit_record(tcti, "policy-order-refused", fields, ARRAY_SIZE(fields));
}

static int record_change(const struct order *order, const struct keypolicy *policy,
			 const char *tcti, const char *event, const char *roots)
{
	char detail[ORDER_SUBJECT_SIZE + 64];

	snprintf(detail, sizeof(detail), "%sby order of %s", roots, order->signer);
	return keypolicy_audit_keys(policy, tcti, event, detail);
}

static int make(struct order *order, const struct args *args)
{
	_cleanup_secret_ struct secret *proof = secret_random(ROOTWRAP_KEY_SIZE);
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = proof ? keypolicy_order_make(&order->policy, &policy, proof) : -ENOMEM;

	if (r < 0)
		return r;
	order->changed = true;
	order->result = RESULT_MADE;
	r = record_change(order, &policy, args->unlock.tcti, "policy-created", "");
	return r < 0 ? r : keypolicy_lease_renew(&policy, args->unlock.tcti, WRAP_ROOTS, proof);
}

static void refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	cli_show_refusal(data, protector, refusal);
}

/* Each root that has ever replaced another unwraps what is written for it. */
static int rewrap(const struct args *args, const struct keypolicy *policy)
{
	struct customer_rewrap how = {
		.tcti = args->unlock.tcti,
		.behind = true,
		.refused = refused,
		.data = (void *)args->unlock.event_log,
	};

	for (int i = 0; i < WRAP_ROOTS; i++)
		if (policy->roots[i].n_former)
			how.verify |= 1u << i;
	return customer_rewrap(policy, &how);
}

/* The generation that is here already: only what a roll has left behind is still to be done. */
static int finish(struct order *order, const struct args *args, const struct keypolicy *policy)
{
	_cleanup_free_ struct keypolicy_place *volumes = NULL;
	int r = keypolicy_volumes_find(policy, &volumes);

	order->result = RESULT_UNCHANGED;
	if (r < 0 || !keypolicy_volume_behind(policy, volumes))
		return r;
	order->changed = true;
	order->result = RESULT_FINISHED;
	return rewrap(args, policy);
}

static int roll(struct order *order, const struct args *args, struct keypolicy *policy)
{
	static const char *const which[] = {"", "root a, ", "root b, ", "both roots, "};
	_cleanup_secret_ struct secret *proof = secret_random(ROOTWRAP_KEY_SIZE);
	uint32_t given = keypolicy_roots_differ(policy, &order->policy);
	int r = proof ? keypolicy_order_replace(&order->policy, policy, proof) : -ENOMEM, done;

	if (r < 0)
		return r;
	order->changed = true;
	order->result = RESULT_ROLLED;
	r = record_change(order, policy, args->unlock.tcti,
			  given ? "policy-rolled" : "policy-changed", which[given]);
	if (r < 0)
		return r;
	r = keypolicy_lease_renew(policy, args->unlock.tcti, WRAP_ROOTS, proof);
	done = rewrap(args, policy);
	return done < 0 ? done : r;
}

static int apply(struct order *order, const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy now = {0};
	int r = keypolicy_order_compare(&order->policy, &now, &order->fault);

	if (r < 0)
		return r;
	if (!*now.name)
		return make(order, args);
	if (now.generation == order->policy.generation && !*now.suspended)
		return finish(order, args, &now);
	if (now.generation == order->policy.generation) {
		order->result = RESULT_UNCHANGED;
		return 0;
	}
	keypolicy_free(&now);
	r = keypolicy_load_active(order->policy.name, &now);
	return r < 0 ? r : roll(order, args, &now);
}

static bool is_superseded(const struct orders *orders, const struct order *order)
{
	for (size_t i = 0; i < orders->n; i++)
		if (!strcmp(orders->list[i].policy.uuid, order->policy.uuid) &&
		    orders->list[i].policy.generation > order->policy.generation)
			return true;
	return false;
}

static void settle(struct orders *orders, struct order *order, const struct args *args)
{
	if (order->error == 0 && is_superseded(orders, order)) {
		order->result = RESULT_SUPERSEDED;
		return;
	}
	if (order->error == 0)
		order->error = apply(order, args);
	if (order->fault == ORDER_GOOD)
		return;
	order->result = RESULT_REFUSED;
	record_refusal(order, args->unlock.tcti);
}

static struct json_object *order_json(const struct order *order)
{
	struct json_object *o = json_object_new_object();

	object_text(o, "file", order->path);
	object_known(o, "name", order->policy.name);
	object_known(o, "uuid", order->policy.uuid);
	object_count(o, "generation",
		     order->policy.generation ? (int64_t)order->policy.generation : -1);
	object_known(o, "signer", order->signer);
	object_bool(o, "changed", order->changed);
	object_text(o, "result", results[order->result]);
	object_text(o, "why",
		    order->fault == ORDER_GOOD ? NULL : keypolicy_order_fault_code(order->fault));
	return o;
}

static int show(const struct orders *orders, bool json)
{
	struct json_object *o, *array;
	bool changed = false;

	for (size_t i = 0; i < orders->n; i++)
		changed |= orders->list[i].changed;
	if (!json) {
		for (size_t i = 0; i < orders->n; i++)
			printf("%-20s %4u  %s\n", orders->list[i].policy.name,
			       orders->list[i].policy.generation, results[orders->list[i].result]);
		return 0;
	}
	o = json_object_new_object();
	array = json_object_new_array();
	for (size_t i = 0; i < orders->n; i++)
		json_object_array_add(array, order_json(&orders->list[i]));
	object_bool(o, "changed", changed);
	json_object_object_add(o, "orders", array);
	return object_print(o);
}

static int cmd_policy_apply(const struct args *args)
{
	_cleanup_orders_ struct orders *orders = calloc(1, sizeof(*orders));
	int r = orders ? find_orders(args->operand[0], orders) : -ENOMEM;
	int shown;

	if (r < 0)
		return r;
	for (size_t i = 0; i < orders->n; i++) {
		struct order *order = &orders->list[i];

		order->error = keypolicy_order_read(order->path, &order->policy, order->signer,
						    &order->fault);
		/* Without signers here there is nothing to say of any order. */
		if (order->error < 0 && !keypolicy_order_governs())
			return order->error;
	}
	for (size_t i = 0; i < orders->n; i++)
		settle(orders, &orders->list[i], args);
	for (size_t i = 0; i < orders->n && r == 0; i++)
		r = orders->list[i].error;
	shown = show(orders, args->json);
	return r < 0 ? r : shown;
}

ACTION(policy_apply, "Customer keys", "policy apply", "<file or directory>",
       "do what signed orders say",
       "Bring the policies of this machine to what signed orders say (policy export): one file, or "
       "all *.policy of a directory. An order is taken if it is signed with the key of a certificate "
       "in /etc/fve/policy-signers.pem. A policy that is not known here is made; a newer generation "
       "replaces its roots, volume by volume; the generation that is here changes nothing. An older "
       "one, or one of another signer, is refused, and the audit log says so. It can be repeated at "
       "any time, and so finishes what was interrupted.",
       OPT_TPM, OPT_JSON);

static int cmd_policy_retire(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = keypolicy_load(args->operand[0], &policy);

	if (r == 0)
		r = keypolicy_retire(&policy);
	return r < 0 ? r : keypolicy_audit_keys(&policy, args->unlock.tcti, "policy-retired", NULL);
}

ACTION(policy_retire, "Customer keys", "policy retire", "<name>", "end a policy without volumes",
       "Take a policy that has no volumes off this machine. An order of its generation, or an older "
       "one, does not bring it back.",
       OPT_TPM);
