// SPDX-License-Identifier: LGPL-2.1-or-later
/* Customer keys without a store: tokens and policies as text, and what a wrap is bound to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_roots.h"
#include "test.h"

#define UUID_1 "01234567-89ab-4def-8123-456789abcdef"
#define UUID_2 "11234567-89ab-4def-8123-456789abcdef"

/* @text with @from, which is there once, replaced. The caller frees. */
static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *ret = NULL;

	CHECK(at != NULL);
	if (at && asprintf(&ret, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < 0)
		ret = NULL;
	return ret;
}

static void fill_token(struct token_customer *token)
{
	CHECK(token_head_init(&token->head, "acme") == 0);
	CHECK(blob_set(&token->vmk, "v", 1) == 0 && blob_set(&token->kek, "k", 1) == 0);
	token->generation = 3;
	token->policy_generation = 7;
	strcpy(token->policy, UUID_2);
	for (int i = 0; i < WRAP_MAX; i++) {
		struct token_wrap *wrap = &token->wraps[i];

		snprintf(wrap->uri, sizeof(wrap->uri), i < WRAP_ROOTS ? "pkcs11:id=%%0%d" : "", i);
		strcpy(wrap->alg, PROVIDER_ALG_RSA);
		memset(wrap->key, i, sizeof(wrap->key));
		CHECK(blob_set(&wrap->wrap, "wrap", 4) == 0);
	}
}

static void test_token(void)
{
	static const char *const bad[][2] = {
		{"\"uri\":\"pkcs11:id=%00\"", "\"uri\":\"\""},
		{"\"policy\":\"" UUID_2 "\"", "\"policy\":\"acme\""},
		{"\"policy_generation\":7", "\"policy_generation\":0"},
		{"\"availability\":{", "\"availability\":{\"uri\":\"pkcs11:\","},
		{"\"b\":{", "\"c\":{"},
	};
	_cleanup_token_customer_ struct token_customer token = {0}, back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL, *newer = NULL;

	fill_token(&token);
	json = token_customer_format(&token);
	CHECK(token_customer_parse(json, &back) == 0);
	CHECK(back.policy_generation == 7 && !*back.wraps[WRAP_AVAILABILITY].uri);
	again = token_customer_format(&back);
	CHECK(!strcmp(json, again));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_token_customer_ struct token_customer none = {0};
		_cleanup_free_ char *text = replaced(json, bad[i][0], bad[i][1]);

		CHECK(token_customer_parse(text, &none) == -EBADMSG);
	}
	newer = replaced(json, "\"version\":1", "\"version\":2");
	token_customer_free(&back);
	back = (struct token_customer){0};
	CHECK(token_customer_parse(newer, &back) == -ENOTSUP);
}

static void fill_policy(struct keypolicy *policy)
{
	strcpy(policy->name, "acme");
	strcpy(policy->uuid, UUID_1);
	CHECK(token_time_now(policy->created) == 0);
	policy->generation = 2;
	policy->lease_boots = 3;
	policy->availability = AVAILABILITY_TRANSIENT;
	policy->on_revocation = ON_REVOCATION_LOCK;
	policy->bound = 60;
	policy->purge_days = 30;
	policy->approvers[policy->n_approvers++] = strdup("certificate");
	policy->volumes = calloc(2, sizeof(*policy->volumes));
	policy->n_volumes = 2;
	for (int i = 0; i < 2; i++) {
		strcpy(policy->volumes[i].uuid, i ? UUID_1 : UUID_2);
		strcpy(policy->volumes[i].path, "/dev/vdb");
		strcpy(policy->roots[i].uri, "pkcs11:");
		strcpy(policy->roots[i].alg, PROVIDER_ALG_RSA);
		CHECK(blob_set(&policy->roots[i].public, "public", 6) == 0);
	}
}

static void test_policy(void)
{
	static const char *const bad[][2] = {
		{"\"mode\":\"transient\"", "\"mode\":\"always\""},
		{"\"on_revocation\":\"lock\"", "\"on_revocation\":\"\""},
		{"\"type\":\"fve-key-policy\"", "\"type\":\"fve-policy\""},
		{"\"uuid\":\"" UUID_2 "\",\"device\"", "\"device\""},
		{"\"lease\":null", "\"lease\":{}"},
		{"\"suspended\":null", "\"suspended\":\"now\""},
		{"\"purge_days\":30", "\"purge_days\":0"},
		{"[\"certificate\"]", "[7]"},
		{"\"bound\":60", "\"bound\":60,\"more\":1"},
		{"\"former\":[{", "\"former\":[{},{"},
		{"\"former\":[{", "\"former\":[7,{"},
		{"\"former\":[{", "\"former\":{},\"more\":[{"},
	};
	_cleanup_keypolicy_ struct keypolicy policy = {0}, back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL;

	fill_policy(&policy);
	CHECK(keypolicy_root_retire(&policy.roots[1]) == 0);
	json = keypolicy_format(&policy);
	CHECK(keypolicy_parse(json, &back) == 0);
	CHECK(back.purge_days == 30 && back.n_approvers == 1);
	CHECK(back.n_volumes == 2 && !*back.suspended && !back.lease.there);
	again = keypolicy_format(&back);
	CHECK(!strcmp(json, again));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_keypolicy_ struct keypolicy none = {0};
		_cleanup_free_ char *text = replaced(json, bad[i][0], bad[i][1]);

		CHECK(keypolicy_parse(text, &none) == -EBADMSG);
	}
}

/* Have the keys @from to @to been the root's, one after the other. */
static void retire(struct keypolicy_root *root, char from, char to)
{
	for (char key = from; key <= to; key++) {
		blob_free(&root->public);
		CHECK(blob_set(&root->public, &key, 1) == 0);
		root->uri[0] = key;
		CHECK(keypolicy_root_retire(root) == 0);
	}
}

static void test_former(void)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	struct keypolicy_root *root = &policy.roots[0];

	retire(root, '0', '1');
	CHECK(root->n_former == 2 && root->former[0].uri[0] == '1' &&
	      root->former[1].uri[0] == '0');
	retire(root, '0', '0'); /* it was one before, and is the newest now */
	CHECK(root->n_former == 2 && root->former[0].uri[0] == '0' &&
	      root->former[1].uri[0] == '1');
	retire(root, '2', '6');
	CHECK(root->n_former == KEYPOLICY_FORMER_MAX);
	for (size_t i = 0; i < root->n_former; i++)
		CHECK(root->former[i].uri[0] == (char)('6' - i));
}

static void test_binding(void)
{
	const struct rootwrap_binding right = {UUID_1, UUID_2, 5};
	const struct rootwrap_binding others[] = {{UUID_2, UUID_2, 5},
						  {UUID_1, UUID_1, 5},
						  {UUID_1, UUID_2, 6},
						  {"", UUID_2, 5}};
	_cleanup_secret_ struct secret *private = NULL, *other = NULL, *plain = NULL, *key = NULL,
				       *back = NULL, *none = NULL, *short_key = secret_random(16);
	_cleanup_blob_ struct blob public = {0}, again = {0}, other_public = {0}, wrap = {0};

	CHECK(crypto_rsa_generate(2048, &private, &public) == 0);
	CHECK(crypto_rsa_generate(2048, &other, &other_public) == 0);
	CHECK(crypto_rsa_spki(private, &again) == 0);
	CHECK(again.size == public.size && !memcmp(again.data, public.data, public.size));
	key = secret_random(ROOTWRAP_KEY_SIZE);
	CHECK(rootwrap_seal(&public, &right, short_key, &wrap) == -EINVAL);
	CHECK(rootwrap_seal(&public, &others[3], key, &wrap) == -EINVAL);
	CHECK(rootwrap_seal(&public, &right, key, &wrap) == 0);
	CHECK(crypto_rsa_unwrap(other, &wrap, &plain) == -EBADMSG);
	CHECK(crypto_rsa_unwrap(key, &wrap, &plain) == -EBADMSG);
	CHECK(crypto_rsa_unwrap(private, &wrap, &plain) == 0);
	CHECK(rootwrap_check(plain, &right, &back) == 0 && secret_equal(back, key));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		CHECK(rootwrap_check(plain, &others[i], &none) == -EBADMSG);
	CHECK(rootwrap_check(key, &right, &none) == -EBADMSG && !none);
}

static void test_kept_key(void)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *proof = secret_random(32), *other = secret_random(32);
	_cleanup_secret_ struct secret *private = secret_random(2000), *back = NULL, *none = NULL;

	strcpy(policy.uuid, UUID_1);
	CHECK(keypolicy_lease_keep(&policy, proof, private) == 0);
	CHECK(keypolicy_lease_private(&policy, proof, &back) == 0 && secret_equal(back, private));
	CHECK(keypolicy_lease_private(&policy, other, &none) == -EBADMSG);
	strcpy(policy.uuid, UUID_2);
	CHECK(keypolicy_lease_private(&policy, proof, &none) == -EBADMSG && !none);
}

int main(void)
{
	test_token();
	test_policy();
	test_former();
	test_binding();
	test_kept_key();
	return test_done();
}
