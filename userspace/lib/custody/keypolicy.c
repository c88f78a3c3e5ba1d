// SPDX-License-Identifier: LGPL-2.1-or-later
/* Key policies: their files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/cms.h"
#include "custody/audit.h"
#include "custody/keypolicy.h"
#include "os/file.h"
#include "os/state.h"

#define DIRECTORY      "policies"
#define RETIRED	       "retired-policies"

#define DEADLINE_S     10
#define DEADLINE_MAX_S 300

void keypolicy_free(struct keypolicy *policy)
{
	for (int i = 0; i < WRAP_ROOTS; i++) {
		blob_free(&policy->roots[i].public);
		blob_free(&policy->roots[i].proof);
	}
	blob_free(&policy->availability_public);
	blob_free(&policy->availability_private);
	tpm_sealed_free(&policy->lease.sealed);
	for (size_t i = 0; i < policy->n_approvers; i++)
		free(policy->approvers[i]);
	free(policy->volumes);
	*policy = (struct keypolicy){0};
}

int keypolicy_check_name(const char *name)
{
	return state_check_name("policy", name, KEYPOLICY_NAME_MAX);
}

int keypolicy_new_uuid(char ret[UUID_LENGTH + 1])
{
	_cleanup_secret_ struct secret *random = secret_random(16);
	_cleanup_free_ char *hex = NULL;

	if (!random)
		return -ENOMEM;
	random->data[6] = (uint8_t)((random->data[6] & 0x0f) | 0x40);
	random->data[8] = (uint8_t)((random->data[8] & 0x3f) | 0x80);
	hex = hex_encode(random->data, random->size);
	if (!hex)
		return -ENOMEM;
	snprintf(ret, UUID_LENGTH + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
	return 0;
}

int keypolicy_load(const char *name, struct keypolicy *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = state_read_record("policy", DIRECTORY, name, KEYPOLICY_NAME_MAX, &text);

	if (r < 0)
		return r;
	r = keypolicy_parse(text, ret);
	if (r == 0 && !strcmp(ret->name, name))
		return 0;
	keypolicy_free(ret);
	return log_errno(r < 0 ? -r : EBADMSG,
			 "%s/" DIRECTORY "/%s" STATE_SUFFIX " is damaged or of a newer version",
			 state_directory(), name);
}

bool keypolicy_exists(const char *name)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, name), *text = NULL;

	return !file || state_read(file, &text) != -ENOENT;
}

int keypolicy_each(int (*each)(void *data, const char *name), void *data)
{
	return state_each(DIRECTORY, STATE_SUFFIX, each, data);
}

struct search {
	const char *uuid;
	struct keypolicy *ret;
	int error; /* of a policy that could not be read, and may be the one */
};

static int match(void *data, const char *name)
{
	struct search *search = data;
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = keypolicy_load(name, &policy);

	if (r < 0)
		search->error = r;
	if (r < 0 || strcmp(policy.uuid, search->uuid))
		return 0;
	*search->ret = steal_struct(policy);
	return 1;
}

int keypolicy_find(const char *uuid, struct keypolicy *ret)
{
	struct search search = {uuid, ret, 0};
	int r = keypolicy_each(match, &search);

	if (r != 0)
		return r < 0 ? r : 0;
	return search.error ? search.error : -ENOENT;
}

static int save(const struct keypolicy *policy)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, policy->name),
			    *text = keypolicy_format(policy);

	return file && text ? state_write(file, text) : -ENOMEM;
}

int keypolicy_create(const struct keypolicy *policy)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, policy->name), *text = NULL;
	_cleanup_close_ int lock = -1;
	int r = state_lock(&lock);

	if (r < 0)
		return r;
	r = file ? state_read(file, &text) : -ENOMEM;
	if (r == 0)
		return log_errno(EEXIST, "there is a policy %s already", policy->name);
	if (r != -ENOENT)
		return r;
	r = save(policy);
	/* It may be there, and not for long. */
	if (r < 0)
		state_remove(file);
	return r;
}

void keypolicy_take_back(const struct keypolicy *policy)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, policy->name);

	if (file)
		state_remove(file);
}

int keypolicy_update(struct keypolicy *policy, int (*change)(struct keypolicy *policy, void *data),
		     void *data)
{
	_cleanup_keypolicy_ struct keypolicy now = {0};
	_cleanup_close_ int lock = -1;
	int r = state_lock(&lock);

	if (r < 0)
		return r;
	r = keypolicy_load(policy->name, &now);
	if (r < 0)
		return r;
	if (strcmp(now.uuid, policy->uuid) || now.generation != policy->generation)
		return log_errno(EBUSY, "policy %s was changed meanwhile; try again", policy->name);
	r = change(&now, data);
	if (r < 0)
		return r;
	r = save(&now);
	if (r < 0)
		return r;
	keypolicy_free(policy);
	*policy = steal_struct(now);
	return 0;
}

int keypolicy_retire(const struct keypolicy *policy)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, policy->name),
			    *kept = state_record(RETIRED, policy->uuid);
	_cleanup_free_ char *text = NULL;
	_cleanup_keypolicy_ struct keypolicy now = {0};
	_cleanup_close_ int lock = -1;
	int r = file && kept ? state_lock(&lock) : -ENOMEM;

	if (r == 0)
		r = keypolicy_load(policy->name, &now);
	if (r < 0)
		return r;
	if (strcmp(now.uuid, policy->uuid))
		return log_errno(EBUSY, "policy %s was changed meanwhile; try again", policy->name);
	if (now.n_volumes)
		return log_errno(EBUSY,
				 "policy %s still has %zu volumes, such as %s; first: fvesetup "
				 "policy unassign, or tenant assign",
				 now.name, now.n_volumes, now.volumes[0].path);
	text = keypolicy_format(&now);
	r = text ? state_write(kept, text) : -ENOMEM;
	return r < 0 ? r : state_remove(file);
}

int keypolicy_retired(const char *uuid, uint32_t *ret_generation)
{
	_cleanup_free_ char *file = state_record(RETIRED, uuid), *text = NULL;
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = file ? state_read(file, &text) : -ENOMEM;

	*ret_generation = 0;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = keypolicy_parse(text, &policy);
	if (r < 0)
		return log_errno(-r, "%s/%s is damaged or of a newer version", state_directory(),
				 file);
	*ret_generation = policy.generation;
	return 0;
}

int keypolicy_load_active(const char *name, struct keypolicy *policy)
{
	int r = keypolicy_load(name, policy);

	if (r < 0 || !*policy->suspended)
		return r;
	return log_errno(EPERM,
			 "policy %s is suspended since %s (%s); once its owner permits it again: "
			 "fvesetup policy resume %s",
			 policy->name, policy->suspended, policy->suspended_why, policy->name);
}

static int set_suspended(struct keypolicy *policy, void *data)
{
	if (*policy->suspended)
		return 0;
	snprintf(policy->suspended_why, sizeof(policy->suspended_why), "%s", (const char *)data);
	return token_time_now(policy->suspended);
}

int keypolicy_suspend(struct keypolicy *policy, const char *tcti, const char *why,
		      const char *detail)
{
	bool was = *policy->suspended;
	int r = keypolicy_update(policy, set_suspended, (void *)why);

	if (r < 0 || was)
		return r;
	log_error("policy %s is suspended (%s)", policy->name, why);
	return keypolicy_audit(policy, tcti, "policy-suspended", NULL, detail);
}

int keypolicy_audit(const struct keypolicy *policy, const char *tcti, const char *event,
		    const char *volume, const char *detail)
{
	const struct audit_field fields[] = {
		{"policy", *policy->name ? policy->name : NULL},
		{"policy_uuid", policy->uuid},
		{"volume", volume},
		{"why", *policy->suspended_why ? policy->suspended_why : NULL},
		{"detail", detail},
	};

	return audit_record(tcti, event, fields, ARRAY_SIZE(fields));
}

int keypolicy_audit_keys(const struct keypolicy *policy, const char *tcti, const char *event,
			 const char *detail)
{
	const struct blob *keys[] = {&policy->roots[WRAP_ROOT_A].public,
				     &policy->roots[WRAP_ROOT_B].public,
				     &policy->availability_public};
	char hex[ARRAY_SIZE(keys)][2 * SHA256_SIZE + 1];
	char generation[12];

	snprintf(generation, sizeof(generation), "%u", policy->generation);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int r = keypolicy_key_text(keys[i], hex[i]);

		if (r < 0)
			return r;
	}
	return audit_record(tcti, event,
			    (const struct audit_field[]){
				    {"policy", policy->name},
				    {"policy_uuid", policy->uuid},
				    {"generation", generation},
				    {"key_a", hex[0]},
				    {"key_b", hex[1]},
				    {"availability_key", hex[2]},
				    {"detail", detail},
			    },
			    7);
}

int keypolicy_key_text(const struct blob *public, char ret[2 * SHA256_SIZE + 1])
{
	uint8_t digest[SHA256_SIZE];
	int r = keypolicy_key_digest(public, digest);

	for (size_t i = 0; r == 0 && i < SHA256_SIZE; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	return r;
}

int keypolicy_add_approver(struct keypolicy *policy, const char *path)
{
	_cleanup_free_ char *subject = NULL, *pem = NULL;
	struct blob file = {0};
	uint8_t digest[SHA256_SIZE];
	int r = file_read_small(path, &file);

	if (r < 0)
		return r;
	pem = (char *)file.data;
	r = crypto_cert_read(pem, &subject, digest);
	if (r == -EBADMSG || r == -ESTALE)
		return log_errno(EINVAL, "%s is no certificate (PEM) that is valid now", path);
	if (r < 0)
		return r;
	for (size_t i = 0; i < policy->n_approvers; i++)
		if (crypto_cert_same_key(policy->approvers[i], pem))
			return log_errno(EINVAL, "the key of %s is given twice", path);
	policy->approvers[policy->n_approvers++] = steal(pem);
	return 0;
}

int keypolicy_key_digest(const struct blob *public, uint8_t ret[SHA256_SIZE])
{
	return crypto_sha256(&(struct span){public->data, public->size}, 1, ret);
}

int keypolicy_deadline_ms(void)
{
	const char *text = secure_getenv("FVE_ROOT_TIMEOUT");
	long seconds = text ? strtol(text, NULL, 10) : DEADLINE_S;

	if (seconds < 1 || seconds > DEADLINE_MAX_S)
		seconds = DEADLINE_S;
	return (int)seconds * 1000;
}
