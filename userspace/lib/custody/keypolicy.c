// SPDX-License-Identifier: LGPL-2.1-or-later
/* Key policies: their files, and what their roots may be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "custody/audit.h"
#include "custody/keypolicy.h"
#include "os/state.h"

#define DIRECTORY      "policies"
#define SUFFIX	       ".json"

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

static char *file_of(const char *name)
{
	char *file;

	return asprintf(&file, DIRECTORY "/%s" SUFFIX, name) < 0 ? NULL : file;
}

static int parse_named(const char *text, const char *name, struct keypolicy *ret)
{
	int r = keypolicy_parse(text, ret);

	if (r < 0 || !strcmp(ret->name, name))
		return r;
	keypolicy_free(ret);
	return -EBADMSG;
}

int keypolicy_load(const char *name, struct keypolicy *ret)
{
	_cleanup_free_ char *file = NULL, *text = NULL;
	int r = keypolicy_check_name(name);

	if (r < 0)
		return r;
	file = file_of(name);
	r = file ? state_read(file, &text) : -ENOMEM;
	if (r == -ENOENT)
		return log_errno(ENOENT, "there is no policy %s; see: fvesetup policy list", name);
	if (r < 0)
		return r;
	r = parse_named(text, name, ret);
	return r < 0 ? log_errno(-r, "%s/%s is damaged or of a newer version", state_directory(),
				 file)
		     : 0;
}

int keypolicy_each(int (*each)(void *data, const char *name), void *data)
{
	return state_each(DIRECTORY, SUFFIX, each, data);
}

struct search {
	const char *uuid;
	struct keypolicy *ret;
	int error; /* of one that could not be read, and may be the one that is meant */
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
	*search->ret = policy;
	policy = (struct keypolicy){0};
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
	_cleanup_free_ char *file = file_of(policy->name), *text = keypolicy_format(policy);

	return file && text ? state_write(file, text) : -ENOMEM;
}

int keypolicy_create(const struct keypolicy *policy)
{
	_cleanup_free_ char *file = file_of(policy->name), *text = NULL;
	_cleanup_close_ int lock = -1;
	int r = state_lock(&lock);

	if (r < 0)
		return r;
	r = file ? state_read(file, &text) : -ENOMEM;
	if (r == -ENOENT)
		return save(policy);
	return r < 0 ? r : log_errno(EEXIST, "there is a policy %s already", policy->name);
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
	*policy = now;
	now = (struct keypolicy){0};
	return 0;
}

int keypolicy_refuse_suspended(const struct keypolicy *policy)
{
	if (!*policy->suspended)
		return 0;
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

/* What a root key may not be, in words; NULL where it may. */
static const char *unfit(const struct provider_key *key)
{
	uint32_t bits;

	if (!key->spki.size || strcmp(key->alg, PROVIDER_ALG_RSA) ||
	    crypto_rsa_bits(&key->spki, &bits) < 0)
		return "is no RSA key that unwraps " PROVIDER_ALG_RSA;
	if (bits < KEYPOLICY_RSA_BITS)
		return "is shorter than 3072 bits";
	if (key->extractable)
		return "can be taken out of its token, or could once";
	if (*key->end_date)
		return "has an end date, after which nothing would open";
	return NULL;
}

int keypolicy_root_read(const char *which, const char *uri, struct keypolicy_root *ret)
{
	_cleanup_provider_key_ struct provider_key key = {0};
	struct provider_error error = {0};
	const char *why;
	int r;

	if (strlen(uri) > TOKEN_URI_MAX)
		return log_errno(EINVAL, "the URI of root %s has more than %d characters", which,
				 TOKEN_URI_MAX);
	if (strstr(uri, "pin-value"))
		return log_errno(EINVAL,
				 "the URI of root %s holds a PIN, which would be in every header; "
				 "use pin-source=file:PATH",
				 which);
	r = provider_info(uri, keypolicy_deadline_ms(), &key, &error);
	if (r < 0)
		return log_errno(-r, "root %s, %s: %s%s%s", which, uri,
				 provider_outcome_name(error.outcome), *error.detail ? ": " : "",
				 error.detail);
	why = unfit(&key);
	if (why)
		return log_errno(EINVAL, "root %s, %s, %s", which, uri, why);
	*ret = (struct keypolicy_root){0};
	snprintf(ret->uri, sizeof(ret->uri), "%s", uri);
	snprintf(ret->alg, sizeof(ret->alg), "%s", key.alg);
	snprintf(ret->token, sizeof(ret->token), "%s", key.token);
	ret->public = key.spki;
	key.spki = (struct blob){0};
	return 0;
}

static bool blob_same(const struct blob *a, const struct blob *b)
{
	return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

int keypolicy_roots_check(const struct keypolicy *policy)
{
	const struct keypolicy_root *a = &policy->roots[WRAP_ROOT_A];
	const struct keypolicy_root *b = &policy->roots[WRAP_ROOT_B];

	if (blob_same(&a->public, &b->public))
		return log_errno(EINVAL, "both roots are the same key");
	if (!strcmp(a->token, b->token))
		return log_errno(
			EINVAL,
			"both roots lie in %s: they would be lost together; use two tokens "
			"with different administrators",
			a->token);
	if (blob_same(&a->public, &policy->availability_public) ||
	    blob_same(&b->public, &policy->availability_public))
		return log_errno(EINVAL, "the availability key is one of the roots");
	return 0;
}

int keypolicy_root_retire(struct keypolicy_root *root)
{
	struct keypolicy_former old = {0};
	size_t at = 0;
	int r = keypolicy_key_digest(&root->public, old.key);

	if (r < 0)
		return r;
	strcpy(old.uri, root->uri);
	strcpy(old.alg, root->alg);
	while (at < root->n_former && memcmp(root->former[at].key, old.key, sizeof(old.key)))
		at++;
	if (at == KEYPOLICY_FORMER_MAX)
		at--;
	else if (at == root->n_former)
		root->n_former++;
	memmove(&root->former[1], &root->former[0], at * sizeof(old));
	root->former[0] = old;
	return 0;
}

static struct rootwrap_binding proof_binding(const struct keypolicy *policy)
{
	return (struct rootwrap_binding){policy->uuid, policy->uuid, policy->generation};
}

int keypolicy_prove_make(struct keypolicy *policy, const struct secret *secret)
{
	struct rootwrap_binding binding = proof_binding(policy);

	for (int i = 0; i < WRAP_ROOTS; i++) {
		struct blob wrap = {0};
		int r = rootwrap_seal(&policy->roots[i].public, &binding, secret, &wrap);

		if (r < 0)
			return log_errno(-r, "cannot wrap under root %c of policy %s", 'a' + i,
					 policy->name);
		blob_free(&policy->roots[i].proof);
		policy->roots[i].proof = wrap;
	}
	return 0;
}

int keypolicy_prove(const struct keypolicy *policy, enum wrap_key root, struct secret **ret_secret,
		    struct provider_error errs[WRAP_ROOTS])
{
	struct rootwrap_binding binding = proof_binding(policy);
	_cleanup_secret_ struct secret *plain = NULL;
	struct provider_wrap wraps[WRAP_ROOTS];
	size_t which, first = root == WRAP_ROOTS ? 0 : root;
	size_t n = root == WRAP_ROOTS ? WRAP_ROOTS : 1;
	int r;

	for (size_t i = 0; i < WRAP_ROOTS; i++) {
		const struct keypolicy_root *from = &policy->roots[i];

		wraps[i] = (struct provider_wrap){from->uri, from->alg, from->proof, false};
		errs[i] = (struct provider_error){.outcome = PROVIDER_UNASKED};
	}
	r = provider_unwrap_any(wraps + first, n, keypolicy_deadline_ms(), &plain, &which,
				errs + first);
	if (r < 0)
		return r;
	r = rootwrap_check(plain, &binding, ret_secret);
	if (r == -EBADMSG) {
		errs[first + which] =
			(struct provider_error){PROVIDER_BADREQ,
						"what it unwrapped is not this policy's"};
		r = -EINVAL;
	}
	return r;
}

int keypolicy_prove_root(const struct keypolicy *policy, enum wrap_key root)
{
	_cleanup_secret_ struct secret *secret = NULL;
	struct provider_error errs[WRAP_ROOTS];
	int r = keypolicy_prove(policy, root, &secret, errs);

	return r < 0 ? log_errno(-r, "root %c, %s, does not unwrap: %s%s%s", 'a' + root,
				 policy->roots[root].uri, provider_outcome_name(errs[root].outcome),
				 *errs[root].detail ? ": " : "", errs[root].detail)
		     : 0;
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
