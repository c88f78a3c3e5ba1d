// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writing key policies as JSON and reading them (docs/on-disk.md, "Key policies"). */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "custody/keypolicy.h"
#include "keys/token_json.h"

#define TYPE	   "fve-key-policy"
#define TYPE_ORDER "fve-policy-order"

static const char *const availability_names[AVAILABILITY_MODES] = {
	[AVAILABILITY_MANUAL] = "manual",
	[AVAILABILITY_TRANSIENT] = "transient",
};

static const char *const action_names[ON_REVOCATION_ACTIONS] = {
	[ON_REVOCATION_NONE] = "none",
	[ON_REVOCATION_LOCK] = "lock",
	[ON_REVOCATION_STOP] = "stop",
};

const char *keypolicy_availability_name(enum keypolicy_availability mode)
{
	return availability_names[mode];
}

const char *keypolicy_action_name(enum keypolicy_action action)
{
	return action_names[action];
}

static int find_name(const char *const *names, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], text))
			return i;
	return -EINVAL;
}

int keypolicy_availability_parse(const char *text, enum keypolicy_availability *ret)
{
	int i = find_name(availability_names, AVAILABILITY_MODES, text);

	if (i < 0)
		return log_errno(EINVAL, "--availability takes manual or transient, not %s", text);
	*ret = (enum keypolicy_availability)i;
	return 0;
}

int keypolicy_action_parse(const char *text, enum keypolicy_action *ret)
{
	int i = find_name(action_names, ON_REVOCATION_ACTIONS, text);

	if (i < 0)
		return log_errno(EINVAL, "--on-revocation takes none, lock or stop, not %s", text);
	*ret = (enum keypolicy_action)i;
	return 0;
}

/* A time, or null where it is "". */
static void member_maybe_time(struct members *m, const char *key, char time[TIME_LENGTH + 1])
{
	if (!member_is_null(m, key, !*time))
		member_time(m, key, time);
}

/* Only a root that was replaced has the member. */
static void former_members(struct members *outer, struct keypolicy_root *root)
{
	struct json_object *array;

	if (!member_is_there(outer, "former", root->n_former))
		return;
	array = member_array(outer, "former", &root->n_former, KEYPOLICY_FORMER_MAX);
	for (size_t i = 0; i < root->n_former; i++) {
		struct keypolicy_former *former = &root->former[i];
		struct members m = element_object(outer, array, i);

		member_text(&m, "uri", former->uri, sizeof(former->uri));
		member_text(&m, "alg", former->alg, sizeof(former->alg));
		member_hex(&m, "key", former->key, sizeof(former->key));
		member_end(outer, &m);
	}
}

/* Only a root that was asked has the member. */
static void last_members(struct members *outer, struct keypolicy_last *last)
{
	struct members m;

	last->known = member_is_there(outer, "last", last->known);
	if (!last->known)
		return;
	m = member_object(outer, "last");
	last->outcome =
		(enum provider_outcome)member_name(&m, "outcome", (int)last->outcome,
						   provider_outcome_names, PROVIDER_OUTCOMES);
	member_time(&m, "since", last->since);
	member_time(&m, "checked", last->checked);
	member_end(outer, &m);
}

/* Whether what is read or written is an order, which has nothing of a machine's own. */
enum whose {
	OF_MACHINE,
	OF_ORDER
};

static void root_members(struct members *outer, const char *key, enum whose whose,
			 struct keypolicy_root *root)
{
	struct members m = member_object(outer, key);

	member_text(&m, "uri", root->uri, sizeof(root->uri));
	member_text(&m, "alg", root->alg, sizeof(root->alg));
	member_text(&m, "token", root->token, sizeof(root->token));
	member_blob(&m, "public", &root->public);
	if (whose == OF_MACHINE) {
		member_blob(&m, "proof", &root->proof);
		former_members(&m, root);
		last_members(&m, &root->last);
	}
	member_end(outer, &m);
}

static void lease_members(struct members *outer, struct keypolicy_lease *lease)
{
	struct members m;

	lease->there = !member_is_null(outer, "lease", !lease->there);
	if (!lease->there)
		return;
	m = member_object(outer, "lease");
	member_hex(&m, "srk", lease->srk.data, sizeof(lease->srk.data));
	member_blob(&m, "public", &lease->sealed.public);
	member_blob(&m, "private", &lease->sealed.private);
	member_boots(&m, &lease->boots);
	lease->pcrs.mask = 1u << KEYPOLICY_LEASE_PCR;
	member_hex(&m, "pcr7", lease->pcrs.value[KEYPOLICY_LEASE_PCR], SHA256_SIZE);
	member_end(outer, &m);
}

static void availability_members(struct members *outer, struct keypolicy *policy)
{
	struct members m = member_object(outer, "availability");

	policy->availability =
		(enum keypolicy_availability)member_name(&m, "mode", (int)policy->availability,
							 availability_names, AVAILABILITY_MODES);
	member_blob(&m, "public", &policy->availability_public);
	member_blob(&m, "private", &policy->availability_private);
	member_number(&m, "boots", &policy->lease_boots, 1, INT32_MAX);
	lease_members(&m, &policy->lease);
	member_end(outer, &m);
}

static void action_member(struct members *m, struct keypolicy *policy)
{
	policy->on_revocation =
		(enum keypolicy_action)member_name(m, "on_revocation", (int)policy->on_revocation,
						   action_names, ON_REVOCATION_ACTIONS);
}

static void approvers_member(struct members *m, struct keypolicy *policy)
{
	struct json_object *array =
		member_array(m, "approvers", &policy->n_approvers, KEYPOLICY_APPROVERS_MAX);

	for (size_t i = 0; i < policy->n_approvers; i++) {
		const char *text = element_text(m, array, i, policy->approvers[i]);

		if (m->writing)
			continue;
		policy->approvers[i] = strdup(text);
		if (!policy->approvers[i])
			members_fail(m, -ENOMEM);
	}
}

static void volumes_members(struct members *outer, struct keypolicy *policy)
{
	struct json_object *array =
		member_array(outer, "volumes", &policy->n_volumes, KEYPOLICY_VOLUMES_MAX);

	if (!outer->writing)
		policy->volumes = calloc(policy->n_volumes + 1, sizeof(*policy->volumes));
	if (!outer->writing && !policy->volumes) {
		members_fail(outer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < policy->n_volumes; i++) {
		struct keypolicy_volume *volume = &policy->volumes[i];
		struct members m = element_object(outer, array, i);

		member_uuid(&m, "uuid", volume->uuid);
		member_text(&m, "device", volume->path, sizeof(volume->path));
		member_end(outer, &m);
	}
}

static void policy_members(struct members *m, void *data)
{
	struct keypolicy *policy = data;

	member_text(m, "name", policy->name, sizeof(policy->name));
	member_uuid(m, "uuid", policy->uuid);
	member_time(m, "created", policy->created);
	member_generation(m, &policy->generation);
	root_members(m, "a", OF_MACHINE, &policy->roots[WRAP_ROOT_A]);
	root_members(m, "b", OF_MACHINE, &policy->roots[WRAP_ROOT_B]);
	availability_members(m, policy);
	action_member(m, policy);
	member_number(m, "bound", &policy->bound, 1, INT32_MAX);
	member_maybe_time(m, "proved", policy->proved);
	member_maybe_time(m, "suspended", policy->suspended);
	member_text(m, "suspended_why", policy->suspended_why, sizeof(policy->suspended_why));
	member_number(m, "purge_days", &policy->purge_days, 1, INT32_MAX);
	approvers_member(m, policy);
	volumes_members(m, policy);
}

int keypolicy_parse(const char *json, struct keypolicy *ret)
{
	*ret = (struct keypolicy){0};
	return members_parse(json, TYPE, policy_members, ret);
}

char *keypolicy_format(const struct keypolicy *policy)
{
	struct keypolicy copy = *policy;

	return members_format(TYPE, policy_members, &copy);
}

static void order_members(struct members *m, void *data)
{
	struct keypolicy *policy = data;

	member_text(m, "name", policy->name, sizeof(policy->name));
	member_uuid(m, "uuid", policy->uuid);
	member_generation(m, &policy->generation);
	root_members(m, "a", OF_ORDER, &policy->roots[WRAP_ROOT_A]);
	root_members(m, "b", OF_ORDER, &policy->roots[WRAP_ROOT_B]);
	member_blob(m, "availability", &policy->availability_public);
	action_member(m, policy);
	member_number(m, "bound", &policy->bound, 1, INT32_MAX);
	member_number(m, "purge_days", &policy->purge_days, 1, INT32_MAX);
	approvers_member(m, policy);
}

int keypolicy_order_parse(const char *json, struct keypolicy *ret)
{
	*ret = (struct keypolicy){.lease_boots = KEYPOLICY_LEASE_BOOTS};
	return members_parse(json, TYPE_ORDER, order_members, ret);
}

char *keypolicy_order_format(const struct keypolicy *policy)
{
	struct keypolicy copy = *policy;

	return members_format(TYPE_ORDER, order_members, &copy);
}
