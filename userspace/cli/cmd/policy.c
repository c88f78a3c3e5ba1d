// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup policy create|validate|show|list' actions. */
#include <errno.h>
#include <stdio.h>

#include "cli/object.h"
#include "cli/table.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_roots.h"
#include "custody/keypolicy_volumes.h"
#include "os/storage.h"

#define PROOF_SIZE ROOTWRAP_KEY_SIZE

static int describe_new(const struct args *args, struct keypolicy *policy)
{
	int r = keypolicy_new_uuid(policy->uuid);

	snprintf(policy->name, sizeof(policy->name), "%s", args->operand[0]);
	policy->generation = 1;
	if (r == 0 && args->availability)
		r = keypolicy_availability_parse(args->availability, &policy->availability);
	policy->lease_boots = args->boots ?: KEYPOLICY_LEASE_BOOTS;
	policy->on_revocation = args->on_revocation;
	policy->bound = args->bound ?: KEYPOLICY_BOUND_MIN;
	policy->purge_days = args->purge_days ?: KEYPOLICY_PURGE_DAYS;
	for (unsigned int i = 0; i < args->n_approvers && r == 0; i++)
		r = keypolicy_add_approver(policy, args->approver[i]);
	if (r == 0 && args->n_approvers && args->n_approvers < KEYPOLICY_APPROVALS)
		r = log_errno(EINVAL, "a purge takes %d approvers", KEYPOLICY_APPROVALS);
	return r < 0 ? r : token_time_now(policy->created);
}

/*
 * The custodian's file is written before the policy: no policy without its availability key, and
 * none without a record.
 */
static int write_new(const struct args *args, struct keypolicy *policy,
		     const struct secret *availability)
{
	int r = cli_give_to_custodian(args, availability);

	if (r < 0)
		return r;
	r = keypolicy_create(policy);
	if (r == 0) {
		r = keypolicy_audit_keys(policy, args->unlock.tcti, "policy-created",
					 args->local ? "--local" : NULL);
		if (r < 0)
			keypolicy_take_back(policy);
	}
	if (r < 0)
		unlink(args->unlock.availability_key);
	else
		log_notice("Give %s to its custodian, and keep no copy on this machine.",
			   args->unlock.availability_key);
	if (r == 0 && (policy->on_revocation != ON_REVOCATION_NONE ||
		       policy->availability == AVAILABILITY_TRANSIENT))
		log_notice("For the bound to hold: systemctl enable --now fve-policy.timer");
	return r;
}

static int cmd_policy_create(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *proof = secret_random(PROOF_SIZE), *availability = NULL;
	int r = keypolicy_check_name(args->operand[0]);

	if (r < 0)
		return r;
	if (!args->root_a || !args->root_b || !args->unlock.availability_key)
		return log_errno(EINVAL,
				 "policy create needs --root-a, --root-b and --availability-key, a "
				 "new file for the custodian");
	if (!proof)
		return -ENOMEM;
	r = cli_policy_by_hand(args);
	if (r == 0)
		r = cli_check_custodian(args);
	if (r < 0)
		return r;
	r = describe_new(args, &policy);
	if (r < 0)
		return r;
	r = crypto_rsa_generate(KEYPOLICY_RSA_BITS, &availability, &policy.availability_public);
	if (r < 0)
		return r;
	r = keypolicy_roots_set(&policy, (const char *const[]){args->root_a, args->root_b}, proof);
	if (r < 0)
		return r;
	if (policy.availability == AVAILABILITY_TRANSIENT) {
		r = keypolicy_lease_keep(&policy, proof, availability);
		if (r < 0)
			return r;
	}
	r = keypolicy_lease_begin(&policy, args->unlock.tcti, proof);
	return r < 0 ? r : write_new(args, &policy, availability);
}

ACTION(policy_create, "Customer keys", "policy create", "<name>",
       "name the root keys that guard volumes",
       "Make a policy: --root-a and --root-b, RSA keys of 3072 bits or more in two tokens or "
       "services, and an availability key, which is made and written to --availability-key for "
       "its custodian. Both roots are really used once. Two roots in one token, and keys that "
       "can be taken out or have an end date, are refused.",
       OPT_ROOT_A, OPT_ROOT_B, OPT_AVAILABILITY_KEY, OPT_CUSTODIAN, OPT_PLAIN, OPT_AVAILABILITY,
       OPT_BOOTS, OPT_ON_REVOCATION, OPT_BOUND, OPT_APPROVER, OPT_PURGE_DAYS, OPT_LOCAL, OPT_TPM);

static int cmd_policy_validate(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = keypolicy_load(args->operand[0], &policy);

	if (r < 0)
		return r;
	r = keypolicy_roots_validate(&policy);
	if (r < 0)
		return r;
	printf("Policy %s is valid: both roots unwrap, and are what roots may be.\n", policy.name);
	return 0;
}

ACTION(policy_validate, "Customer keys", "policy validate", "<name>",
       "check its roots, and use them",
       "Check that both roots of a policy are the keys that it was made with, are what policy "
       "create takes, and unwrap.",
       OPT_END);

/* A public key by the first bytes of its digest. */
static void show_key(const char *label, const struct blob *public)
{
	uint8_t digest[SHA256_SIZE];
	_cleanup_free_ char *hex = NULL;
	uint32_t bits = 0;

	if (keypolicy_key_digest(public, digest) == 0 && crypto_rsa_bits(public, &bits) == 0)
		hex = hex_encode(digest, sizeof(digest));
	printf("%sRSA %u, SHA-256 %s\n", label, bits, hex ?: "?");
}

/* What a root said last; "": it has not been asked. */
static const char *outcome_name(const struct keypolicy_root *root)
{
	return root->last.known ? provider_outcome_names[root->last.outcome] : "";
}

static void show_text(const struct keypolicy *policy, const struct keypolicy_place *volumes,
		      int left)
{
	printf("Policy         %s, %s\n", policy->name, policy->uuid);
	printf("State          %s", keypolicy_state(policy, volumes));
	if (*policy->suspended)
		printf(" since %s (%s)", policy->suspended, policy->suspended_why);
	printf("\nGeneration     %u\n", policy->generation);
	for (int i = 0; i < WRAP_ROOTS; i++) {
		printf("Root %c         %s\n", 'a' + i, policy->roots[i].uri);
		printf("               %s\n", policy->roots[i].token);
		show_key("               ", &policy->roots[i].public);
		if (policy->roots[i].last.known)
			printf("               %s since %s, checked %s\n",
			       provider_outcome_names[policy->roots[i].last.outcome],
			       policy->roots[i].last.since, policy->roots[i].last.checked);
	}
	printf("Availability   %s", keypolicy_availability_name(policy->availability));
	if (policy->availability == AVAILABILITY_TRANSIENT)
		printf(", for %u boots without a root; %d left", policy->lease_boots,
		       left < 0 ? 0 : left);
	puts("");
	show_key("               ", &policy->availability_public);
	printf("On revocation  %s, within %u min\n", keypolicy_action_name(policy->on_revocation),
	       policy->bound);
	printf("Proved         %s\n", *policy->proved ? policy->proved : "never");
	for (size_t i = 0; i < policy->n_volumes; i++)
		printf("Volume         %s %s, %s\n", policy->volumes[i].uuid, volumes[i].path,
		       keypolicy_volume_state(policy, &volumes[i]));
}

static void add_key(struct json_object *object, const struct blob *public)
{
	uint8_t digest[SHA256_SIZE];
	uint32_t bits = 0;
	_cleanup_free_ char *hex = NULL;

	if (keypolicy_key_digest(public, digest) == 0 && crypto_rsa_bits(public, &bits) == 0)
		hex = hex_encode(digest, sizeof(digest));
	object_number(object, "bits", bits);
	object_known(object, "key", hex ?: "");
}

static struct json_object *volumes_json(const struct keypolicy *policy,
					const struct keypolicy_place *volumes)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < policy->n_volumes; i++) {
		struct json_object *o = json_object_new_object();

		object_known(o, "uuid", policy->volumes[i].uuid);
		object_known(o, "device", volumes[i].path);
		object_known(o, "state", keypolicy_volume_state(policy, &volumes[i]));
		object_count(o, "generation",
			     volumes[i].generation ? (int64_t)volumes[i].generation : -1);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *policy_json(const struct keypolicy *policy,
				       const struct keypolicy_place *volumes, int left)
{
	struct json_object *o = json_object_new_object(), *roots = json_object_new_array();
	struct json_object *availability = json_object_new_object();

	object_known(o, "name", policy->name);
	object_known(o, "uuid", policy->uuid);
	object_known(o, "created", policy->created);
	object_known(o, "state", keypolicy_state(policy, volumes));
	object_known(o, "suspended", policy->suspended);
	object_known(o, "suspended_why", policy->suspended_why);
	object_number(o, "generation", policy->generation);
	for (int i = 0; i < WRAP_ROOTS; i++) {
		struct json_object *root = json_object_new_object();

		object_known(root, "root", i == WRAP_ROOT_A ? "a" : "b");
		object_known(root, "uri", policy->roots[i].uri);
		object_known(root, "alg", policy->roots[i].alg);
		object_known(root, "token", policy->roots[i].token);
		add_key(root, &policy->roots[i].public);
		object_known(root, "outcome", outcome_name(&policy->roots[i]));
		object_known(root, "since", policy->roots[i].last.since);
		object_known(root, "checked", policy->roots[i].last.checked);
		json_object_array_add(roots, root);
	}
	json_object_object_add(o, "roots", roots);
	object_known(availability, "mode", keypolicy_availability_name(policy->availability));
	add_key(availability, &policy->availability_public);
	object_number(availability, "boots", policy->lease_boots);
	object_count(availability, "boots_left", left);
	json_object_object_add(o, "availability", availability);
	object_known(o, "on_revocation", keypolicy_action_name(policy->on_revocation));
	object_number(o, "bound_minutes", policy->bound);
	object_known(o, "proved", policy->proved);
	json_object_object_add(o, "volumes", volumes_json(policy, volumes));
	return o;
}

static int cmd_policy_show(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_free_ struct keypolicy_place *volumes = NULL;
	int left, r = keypolicy_load(args->operand[0], &policy);

	if (r == 0)
		r = keypolicy_volumes_find(&policy, &volumes);
	if (r < 0)
		return r;
	left = keypolicy_lease_left(&policy, args->unlock.tcti);
	if (args->json)
		return object_print(policy_json(&policy, volumes, left));
	show_text(&policy, volumes, left);
	return 0;
}

ACTION(policy_show, "Customer keys", "policy show", "<name>", "show one, and where its volumes are",
       "Show a policy and its volumes. No root is asked.", OPT_TPM, OPT_JSON);

struct listing {
	struct json_object *array; /* NULL: text */
	int result;
};

static int list_one(void *data, const char *name)
{
	struct listing *listing = data;
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_free_ struct keypolicy_place *volumes = NULL;
	int r = keypolicy_load(name, &policy);

	if (r == 0)
		r = keypolicy_volumes_find(&policy, &volumes);
	if (r < 0) {
		listing->result = r;
		return 0;
	}
	if (listing->array)
		json_object_array_add(listing->array, policy_json(&policy, volumes, -1));
	else
		printf("%-20s %-11s %-11s %-11s %4u %7zu  %s\n", policy.name,
		       keypolicy_state(&policy, volumes), outcome_name(&policy.roots[WRAP_ROOT_A]),
		       outcome_name(&policy.roots[WRAP_ROOT_B]), policy.generation,
		       policy.n_volumes, *policy.proved ? policy.proved : "never");
	return 0;
}

static int cmd_policy_list(const struct args *args)
{
	struct listing listing = {.array = args->json ? json_object_new_array() : NULL};
	int r;

	if (!args->json)
		printf("%-20s %-11s %-11s %-11s %4s %7s  %s\n", "NAME", "STATE", "A", "B", "GEN",
		       "VOLUMES", "PROVED");
	r = keypolicy_each(list_one, &listing);
	if (args->json && r == 0) {
		r = object_print_list("policies", listing.array);
	}
	return r < 0 ? r : listing.result;
}

ACTION(policy_list, "Customer keys", "policy list", "", "show all policies",
       "Show all policies of this machine.", OPT_JSON);
