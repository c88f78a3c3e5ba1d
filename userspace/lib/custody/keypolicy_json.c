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

/* Take a string that is one of @names, and return its index. */
static int reader_name(struct reader *r, const char *key, const char *const *names, int n)
{
	int i = find_name(names, n, reader_string(r, key));

	if (i < 0)
		reader_fail(r, -EBADMSG);
	return i < 0 ? 0 : i;
}

/* A time, or null. */
static void reader_maybe_time(struct reader *r, const char *key, char ret[TIME_LENGTH + 1])
{
	struct json_object *value;

	if (json_object_object_get_ex(r->object, key, &value) && !value)
		r->taken++;
	else
		reader_time(r, key, ret);
}

static void writer_maybe_string(struct writer *w, const char *key, const char *text)
{
	if (*text)
		writer_string(w, key, text);
	else if (!w->object || json_object_object_add(w->object, key, NULL) < 0)
		w->failed = true;
}

/* Start reading the object @key; its object is NULL where @outer has none. */
static struct reader reader_object(struct reader *outer, const char *key)
{
	return (struct reader){.object = reader_take(outer, key, json_type_object)};
}

static void reader_object_close(struct reader *outer, struct reader *r)
{
	if (r->object && reader_close(r) < 0)
		reader_fail(outer, r->error);
}

/* Only a root that was replaced has the member. */
static void former_parse(struct reader *outer, struct keypolicy_root *ret)
{
	struct json_object *array;

	if (!json_object_object_get_ex(outer->object, "former", NULL))
		return;
	array = reader_take(outer, "former", json_type_array);
	if (!array || json_object_array_length(array) > KEYPOLICY_FORMER_MAX) {
		reader_fail(outer, -EBADMSG);
		return;
	}
	for (; ret->n_former < json_object_array_length(array); ret->n_former++) {
		struct keypolicy_former *former = &ret->former[ret->n_former];
		struct reader r = {.object = json_object_array_get_idx(array, ret->n_former)};

		if (!json_object_is_type(r.object, json_type_object)) {
			reader_fail(outer, -EBADMSG);
			return;
		}
		reader_text(&r, "uri", former->uri, sizeof(former->uri));
		reader_text(&r, "alg", former->alg, sizeof(former->alg));
		reader_hex(&r, "key", former->key, sizeof(former->key));
		reader_object_close(outer, &r);
	}
}

/* Only a root that was asked has the member. */
static void last_parse(struct reader *outer, struct keypolicy_last *ret)
{
	struct reader r;
	const char *name;

	if (!json_object_object_get_ex(outer->object, "last", NULL))
		return;
	r = reader_object(outer, "last");
	if (!r.object)
		return;
	name = reader_string(&r, "outcome");
	while (ret->outcome < PROVIDER_OUTCOMES &&
	       strcmp(provider_outcome_name(ret->outcome), name))
		ret->outcome++;
	if (ret->outcome == PROVIDER_OUTCOMES)
		reader_fail(&r, -EBADMSG);
	reader_time(&r, "since", ret->since);
	reader_time(&r, "checked", ret->checked);
	ret->known = true;
	reader_object_close(outer, &r);
}

/* Whether what is read or written is an order, which has nothing of a machine's own. */
enum whose {
	OF_MACHINE,
	OF_ORDER
};

static void root_parse(struct reader *outer, const char *key, enum whose whose,
		       struct keypolicy_root *ret)
{
	struct reader r = reader_object(outer, key);

	if (!r.object)
		return;
	reader_text(&r, "uri", ret->uri, sizeof(ret->uri));
	reader_text(&r, "alg", ret->alg, sizeof(ret->alg));
	reader_text(&r, "token", ret->token, sizeof(ret->token));
	reader_blob(&r, "public", &ret->public);
	if (whose == OF_MACHINE) {
		reader_blob(&r, "proof", &ret->proof);
		former_parse(&r, ret);
		last_parse(&r, &ret->last);
	}
	reader_object_close(outer, &r);
}

static void lease_parse(struct reader *outer, struct keypolicy_lease *ret)
{
	struct json_object *value;
	struct reader r;

	if (json_object_object_get_ex(outer->object, "lease", &value) && !value) {
		outer->taken++;
		return;
	}
	r = reader_object(outer, "lease");
	if (!r.object)
		return;
	ret->there = true;
	reader_hex(&r, "srk", ret->srk.data, sizeof(ret->srk.data));
	reader_blob(&r, "public", &ret->sealed.public);
	reader_blob(&r, "private", &ret->sealed.private);
	reader_boots(&r, &ret->boots);
	ret->pcrs.mask = 1u << KEYPOLICY_LEASE_PCR;
	reader_hex(&r, "pcr7", ret->pcrs.value[KEYPOLICY_LEASE_PCR], SHA256_SIZE);
	reader_object_close(outer, &r);
}

static int volumes_parse(struct json_object *array, struct keypolicy *ret)
{
	size_t n = json_object_array_length(array);

	if (n > KEYPOLICY_VOLUMES_MAX)
		return -EBADMSG;
	ret->volumes = calloc(n + 1, sizeof(*ret->volumes));
	if (!ret->volumes)
		return -ENOMEM;
	for (ret->n_volumes = 0; ret->n_volumes < n; ret->n_volumes++) {
		struct keypolicy_volume *volume = &ret->volumes[ret->n_volumes];
		struct reader r = {.object = json_object_array_get_idx(array, ret->n_volumes)};

		if (!json_object_is_type(r.object, json_type_object))
			return -EBADMSG;
		reader_uuid(&r, "uuid", volume->uuid);
		reader_text(&r, "device", volume->path, sizeof(volume->path));
		if (reader_close(&r) < 0)
			return r.error;
	}
	return 0;
}

static int approvers_parse(struct json_object *array, struct keypolicy *ret)
{
	size_t n = json_object_array_length(array);

	if (n > KEYPOLICY_APPROVERS_MAX)
		return -EBADMSG;
	while (ret->n_approvers < n) {
		struct json_object *text = json_object_array_get_idx(array, ret->n_approvers);

		if (!json_object_is_type(text, json_type_string))
			return -EBADMSG;
		ret->approvers[ret->n_approvers] = strdup(json_object_get_string(text));
		if (!ret->approvers[ret->n_approvers++])
			return -ENOMEM;
	}
	return 0;
}

int keypolicy_parse(const char *json, struct keypolicy *ret)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	struct reader r, availability;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);
	struct json_object *volumes, *approvers;

	if (!root)
		return r.error;
	if (strcmp(r.type, TYPE))
		reader_fail(&r, -EBADMSG);
	reader_text(&r, "name", policy.name, sizeof(policy.name));
	reader_uuid(&r, "uuid", policy.uuid);
	reader_time(&r, "created", policy.created);
	policy.generation = reader_generation(&r);
	root_parse(&r, "a", OF_MACHINE, &policy.roots[WRAP_ROOT_A]);
	root_parse(&r, "b", OF_MACHINE, &policy.roots[WRAP_ROOT_B]);
	availability = reader_object(&r, "availability");
	if (availability.object) {
		policy.availability =
			(enum keypolicy_availability)reader_name(&availability, "mode",
								 availability_names,
								 AVAILABILITY_MODES);
		reader_blob(&availability, "public", &policy.availability_public);
		reader_blob(&availability, "private", &policy.availability_private);
		policy.lease_boots = reader_number(&availability, "boots", 1, INT32_MAX);
		lease_parse(&availability, &policy.lease);
		reader_object_close(&r, &availability);
	}
	policy.on_revocation = (enum keypolicy_action)reader_name(&r, "on_revocation", action_names,
								  ON_REVOCATION_ACTIONS);
	policy.bound = reader_number(&r, "bound", 1, INT32_MAX);
	reader_maybe_time(&r, "proved", policy.proved);
	reader_maybe_time(&r, "suspended", policy.suspended);
	reader_text(&r, "suspended_why", policy.suspended_why, sizeof(policy.suspended_why));
	policy.purge_days = reader_number(&r, "purge_days", 1, INT32_MAX);
	approvers = reader_take(&r, "approvers", json_type_array);
	volumes = reader_take(&r, "volumes", json_type_array);
	if (reader_close(&r) < 0)
		return r.error;
	r.error = approvers_parse(approvers, &policy);
	if (r.error == 0)
		r.error = volumes_parse(volumes, &policy);
	if (r.error < 0)
		return r.error;
	*ret = policy;
	policy = (struct keypolicy){0};
	return 0;
}

int keypolicy_order_parse(const char *json, struct keypolicy *ret)
{
	_cleanup_keypolicy_ struct keypolicy policy = {.lease_boots = KEYPOLICY_LEASE_BOOTS};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);
	struct json_object *approvers;

	if (!root)
		return r.error;
	if (strcmp(r.type, TYPE_ORDER))
		reader_fail(&r, -EBADMSG);
	reader_text(&r, "name", policy.name, sizeof(policy.name));
	reader_uuid(&r, "uuid", policy.uuid);
	policy.generation = reader_generation(&r);
	root_parse(&r, "a", OF_ORDER, &policy.roots[WRAP_ROOT_A]);
	root_parse(&r, "b", OF_ORDER, &policy.roots[WRAP_ROOT_B]);
	reader_blob(&r, "availability", &policy.availability_public);
	policy.on_revocation = (enum keypolicy_action)reader_name(&r, "on_revocation", action_names,
								  ON_REVOCATION_ACTIONS);
	policy.bound = reader_number(&r, "bound", 1, INT32_MAX);
	policy.purge_days = reader_number(&r, "purge_days", 1, INT32_MAX);
	approvers = reader_take(&r, "approvers", json_type_array);
	if (reader_close(&r) < 0)
		return r.error;
	r.error = approvers_parse(approvers, &policy);
	if (r.error < 0)
		return r.error;
	*ret = policy;
	policy = (struct keypolicy){0};
	return 0;
}

/* @w's object, or NULL where it is not whole. */
static struct json_object *writer_object(struct writer *w)
{
	if (!w->failed)
		return w->object;
	json_object_put(w->object);
	return NULL;
}

static struct json_object *former_format(const struct keypolicy_former *former)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "uri", former->uri);
	writer_string(&w, "alg", former->alg);
	writer_hex(&w, "key", former->key, sizeof(former->key));
	return writer_object(&w);
}

static struct json_object *formers_format(const struct keypolicy_root *root)
{
	struct json_object *array = json_object_new_array(), *former;

	for (size_t i = 0; i < root->n_former; i++) {
		former = former_format(&root->former[i]);
		if (former && array && json_object_array_add(array, former) == 0)
			continue;
		json_object_put(former);
		json_object_put(array);
		return NULL;
	}
	return array;
}

static struct json_object *last_format(const struct keypolicy_last *last)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "outcome", provider_outcome_name(last->outcome));
	writer_string(&w, "since", last->since);
	writer_string(&w, "checked", last->checked);
	return writer_object(&w);
}

static struct json_object *root_format(const struct keypolicy_root *root, enum whose whose)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "uri", root->uri);
	writer_string(&w, "alg", root->alg);
	writer_string(&w, "token", root->token);
	writer_blob(&w, "public", &root->public);
	if (whose == OF_MACHINE)
		writer_blob(&w, "proof", &root->proof);
	if (whose == OF_MACHINE && root->n_former)
		writer_put(&w, "former", formers_format(root));
	if (whose == OF_MACHINE && root->last.known)
		writer_put(&w, "last", last_format(&root->last));
	return writer_object(&w);
}

static struct json_object *lease_format(const struct keypolicy_lease *lease)
{
	struct writer w = {.object = json_object_new_object()};

	writer_hex(&w, "srk", lease->srk.data, sizeof(lease->srk.data));
	writer_blob(&w, "public", &lease->sealed.public);
	writer_blob(&w, "private", &lease->sealed.private);
	writer_boots(&w, &lease->boots);
	writer_hex(&w, "pcr7", lease->pcrs.value[KEYPOLICY_LEASE_PCR], SHA256_SIZE);
	return writer_object(&w);
}

static struct json_object *availability_format(const struct keypolicy *policy)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "mode", availability_names[policy->availability]);
	writer_blob(&w, "public", &policy->availability_public);
	writer_blob(&w, "private", &policy->availability_private);
	writer_number(&w, "boots", policy->lease_boots);
	if (policy->lease.there)
		writer_put(&w, "lease", lease_format(&policy->lease));
	else
		writer_maybe_string(&w, "lease", "");
	return writer_object(&w);
}

static struct json_object *volume_format(const struct keypolicy_volume *volume)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "uuid", volume->uuid);
	writer_string(&w, "device", volume->path);
	return writer_object(&w);
}

static struct json_object *volumes_format(const struct keypolicy *policy)
{
	struct json_object *array = json_object_new_array(), *volume;

	for (size_t i = 0; i < policy->n_volumes; i++) {
		volume = volume_format(&policy->volumes[i]);
		if (volume && array && json_object_array_add(array, volume) == 0)
			continue;
		json_object_put(volume);
		json_object_put(array);
		return NULL;
	}
	return array;
}

static struct json_object *approvers_format(const struct keypolicy *policy)
{
	struct json_object *array = json_object_new_array(), *text;

	for (size_t i = 0; i < policy->n_approvers; i++) {
		text = json_object_new_string(policy->approvers[i]);
		if (text && array && json_object_array_add(array, text) == 0)
			continue;
		json_object_put(text);
		json_object_put(array);
		return NULL;
	}
	return array;
}

char *keypolicy_format(const struct keypolicy *policy)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "type", TYPE);
	writer_number(&w, "version", 1);
	writer_string(&w, "name", policy->name);
	writer_string(&w, "uuid", policy->uuid);
	writer_string(&w, "created", policy->created);
	writer_generation(&w, policy->generation);
	writer_put(&w, "a", root_format(&policy->roots[WRAP_ROOT_A], OF_MACHINE));
	writer_put(&w, "b", root_format(&policy->roots[WRAP_ROOT_B], OF_MACHINE));
	writer_put(&w, "availability", availability_format(policy));
	writer_string(&w, "on_revocation", action_names[policy->on_revocation]);
	writer_number(&w, "bound", policy->bound);
	writer_maybe_string(&w, "proved", policy->proved);
	writer_maybe_string(&w, "suspended", policy->suspended);
	writer_string(&w, "suspended_why", policy->suspended_why);
	writer_number(&w, "purge_days", policy->purge_days);
	writer_put(&w, "approvers", approvers_format(policy));
	writer_put(&w, "volumes", volumes_format(policy));
	return writer_close(&w);
}

char *keypolicy_order_format(const struct keypolicy *policy)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "type", TYPE_ORDER);
	writer_number(&w, "version", 1);
	writer_string(&w, "name", policy->name);
	writer_string(&w, "uuid", policy->uuid);
	writer_generation(&w, policy->generation);
	writer_put(&w, "a", root_format(&policy->roots[WRAP_ROOT_A], OF_ORDER));
	writer_put(&w, "b", root_format(&policy->roots[WRAP_ROOT_B], OF_ORDER));
	writer_blob(&w, "availability", &policy->availability_public);
	writer_string(&w, "on_revocation", action_names[policy->on_revocation]);
	writer_number(&w, "bound", policy->bound);
	writer_number(&w, "purge_days", policy->purge_days);
	writer_put(&w, "approvers", approvers_format(policy));
	return writer_close(&w);
}
