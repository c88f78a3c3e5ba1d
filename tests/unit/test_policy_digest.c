// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Policy arithmetic against a TPM's own. The expected values were printed once by tpm2-tools
 * 5.4 and swtpm 0.7.1, none of them by the code under test:
 *
 *	tpm2_pcrextend 16:sha256=$(printf dm-fve | sha256sum | cut -d' ' -f1)
 *	tpm2_startauthsession --policy-session -S s
 *	tpm2_policypcr -S s -l sha256:7,16,17,23 -L pcr.policy		-> policy_pcr
 *	openssl ecparam -name prime256v1 -genkey -noout -out k.pem	-> key, private_key
 *	tpm2_loadexternal -C o -G ecc256:ecdsa-sha256 -a 'userwithauth|sign' \
 *		-u k.pub.pem -c k.ctx -n k.name				-> key_name
 *	(cat pcr.policy; printf fve-ref) | sha256sum			-> to_be_signed
 *	openssl dgst -sha256 -sign k.pem (the same bytes)		-> signature
 *	tpm2_verifysignature -c k.ctx -d ... -s ... -f ecdsa -t ticket
 *	tpm2_policyauthorize -S s -i pcr.policy -n k.name -t ticket \
 *		-q $(printf fve-ref | xxd -p) -L auth.policy		-> policy_authorized
 *
 * and for counters, with printf 'fve counter %s' $uuid | openssl dgst -sha256 -binary > pol:
 *
 *	tpm2_nvdefine -C o -g sha256 -s 8 -a 'nt=counter|authread|authwrite|no_da' -L pol 0x01846503
 *	tpm2_nvincrement -C 0x01846503 0x01846503; tpm2_nvreadpublic 0x01846503	-> counter_name
 *	tpm2_policynv -S s -i (00 00 00 00 00 00 00 05) -C 0x01846503 0x01846503 ule -> policy_nv
 *	tpm2_policycountertimer -S s --ule resets=16909060			-> policy_resets
 *	tpm2_policycountertimer -S s --ule restarts=0	in the same session	-> policy_boots
 */
#include <errno.h>
#include <string.h>

#include "test.h"
#include "tpm/policy_digest.h"

#define REF "fve-ref"

static const char pcr16[] = "2a9e325fbe3e32dd99473f893813d31c79f81388a8d2cebdaed1a9b01af81be9";
static const char policy_pcr[] = "b8750d649ba87c5e5d26cdcede9da550ff3d6a34560b3e06dc028939ce871b32";
static const char private_key[] =
	"c1391b1514a5b90c09b5c84cbbcad0226b6ed6fb5ec77104a8b5a86fcf27b5ae";
static const char key_x[] = "bf59d51e575c1bf85924cf565b619dfe70617191038124b33b3420fe90e3d758";
static const char key_y[] = "7d1402840232abbecf8d9d8545630d8dbb399135c196dd67565e101735549989";
static const char key_name[] =
	"000b3dcafd181a83b2256964287c558a596c8f91e3c48fdafe4ce11ae31c1c878910";
static const char to_be_signed[] =
	"28285da0da549f170514d165140ca92d5a1c26f64fafa345e7494c7462055187";
static const char signature_r[] =
	"84e29f6bed922fdaaa17e10ac16860d3c8aad5a2752bf84134ca3f7cc7173161";
static const char signature_s[] =
	"4b031298aa4ba25d35f8d5fd5f5e64a58d0dad5e52577dd0388056f7c2cf3837";
static const char policy_authorized[] =
	"07164c470407cc7b114a1ada54a37465e26be0431aa67895ca1b69b7990acd33";

static const char uuid[] = "12345678-1234-1234-1234-123456789abc";
static const char counter_name[] =
	"000bea348f2497afff07000d048b29dd1b46c3f76067c2bd3a1a58889b4b6617707e";
static const char policy_nv[] = "970d078d1d78d1e6a80b0b20225528d1dd93582d91551483db08457bd687c276";
static const char policy_resets[] =
	"e288ef882919dffa48b4618e78ba7bd844fb30da2f98d2d98a8ffc5edf9270e3";
static const char policy_boots[] =
	"0d5b1dc829758145e7251a9f5b4292833e36d67224b0f64a37e2dfeed727d05f";

/* PCRs 7 and 23 at zero, 16 extended once, 17 at its start value of all ones. */
static void sample_pcrs(struct pcr_values *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->mask = 1u << 7 | 1u << 16 | 1u << 17 | 1u << 23;
	CHECK(!hex_decode(pcr16, ret->value[16], SHA256_SIZE));
	memset(ret->value[17], 0xff, SHA256_SIZE);
}

static void sample_key(struct ec_public *ret)
{
	CHECK(!hex_decode(key_x, ret->x, P256_SIZE));
	CHECK(!hex_decode(key_y, ret->y, P256_SIZE));
}

static bool equals_hex(const uint8_t *data, size_t size, const char *hex)
{
	_cleanup_free_ char *text = hex_encode(data, size);

	return text && !strcmp(text, hex);
}

/* Of a fresh session after TPM2_PolicyPCR. */
static int pcr_policy(const struct pcr_values *pcrs, uint8_t ret[SHA256_SIZE])
{
	memset(ret, 0, SHA256_SIZE);
	return policy_extend_pcr(ret, pcrs);
}

static void test_digests(void)
{
	struct pcr_values pcrs;
	struct ec_public key;
	struct policy_authority authority = {.ref = REF};
	struct policy_approval approval = {0};
	uint8_t digest[SHA256_SIZE], name[POLICY_NAME_SIZE];

	sample_pcrs(&pcrs);
	approval.pcrs = pcrs;
	sample_key(&key);
	authority.key = key;
	CHECK(!pcr_policy(&pcrs, digest));
	CHECK(equals_hex(digest, sizeof(digest), policy_pcr));
	CHECK(!policy_key_name(&key, name));
	CHECK(equals_hex(name, sizeof(name), key_name));
	CHECK(!policy_to_be_signed(&authority, &approval, digest));
	CHECK(equals_hex(digest, sizeof(digest), to_be_signed));
	CHECK(!policy_authorize_digest(&authority, digest));
	CHECK(equals_hex(digest, sizeof(digest), policy_authorized));

	/* A value outside the mask takes no part; one inside does. */
	memset(pcrs.value[8], 1, SHA256_SIZE);
	CHECK(!pcr_policy(&pcrs, digest));
	CHECK(equals_hex(digest, sizeof(digest), policy_pcr));
	pcrs.value[23][31] = 1;
	CHECK(!pcr_policy(&pcrs, digest));
	CHECK(!equals_hex(digest, sizeof(digest), policy_pcr));
}

static void test_approval(void)
{
	_cleanup_secret_ struct secret *private = secret_new(P256_SIZE);
	struct policy_authority authority = {.ref = REF};
	struct policy_approval approval = {0};
	struct ec_signature openssl;
	uint8_t digest[SHA256_SIZE];

	sample_pcrs(&approval.pcrs);
	sample_key(&authority.key);
	CHECK(private && !hex_decode(private_key, private->data, P256_SIZE));
	CHECK(!hex_decode(signature_r, openssl.r, P256_SIZE));
	CHECK(!hex_decode(signature_s, openssl.s, P256_SIZE));
	CHECK(!policy_to_be_signed(&authority, &approval, digest));
	CHECK(!crypto_ec_verify(&authority.key, digest, &openssl));

	CHECK(!policy_sign(private, &authority, &approval));
	CHECK(!crypto_ec_verify(&authority.key, digest, &approval.signature));
	strcpy(authority.ref, "another-ref");
	CHECK(!policy_to_be_signed(&authority, &approval, digest));
	CHECK(crypto_ec_verify(&authority.key, digest, &approval.signature) == -EBADMSG);
}

static void test_counters(void)
{
	struct policy_authority authority = {.counter.index = 0x01846503};
	struct policy_approval approval = {.limit = 5};
	uint8_t digest[SHA256_SIZE] = {0}, with[SHA256_SIZE], without[SHA256_SIZE];
	struct policy_counter *counter = &authority.counter;

	CHECK(!policy_counter_name(counter->index, uuid, counter->name));
	CHECK(equals_hex(counter->name, POLICY_NAME_SIZE, counter_name));
	CHECK(!policy_extend_counter(digest, counter, 5));
	CHECK(equals_hex(digest, sizeof(digest), policy_nv));
	memset(digest, 0, sizeof(digest));
	CHECK(!policy_extend_boots(digest, &(struct policy_boots){0x01020304, false}));
	CHECK(equals_hex(digest, sizeof(digest), policy_resets));
	memset(digest, 0, sizeof(digest));
	CHECK(!policy_extend_boots(digest, &(struct policy_boots){0x01020304, true}));
	CHECK(equals_hex(digest, sizeof(digest), policy_boots));

	/* PCRs first, then the counter; without one the limit takes no part. */
	sample_pcrs(&approval.pcrs);
	CHECK(!policy_approved_digest(&authority, &approval, with));
	CHECK(!pcr_policy(&approval.pcrs, digest) && !policy_extend_counter(digest, counter, 5));
	CHECK(!memcmp(with, digest, sizeof(with)));
	counter->index = 0;
	CHECK(!policy_approved_digest(&authority, &approval, without));
	CHECK(equals_hex(without, sizeof(without), policy_pcr));
}

static void test_differ(void)
{
	struct pcr_values a, b;

	sample_pcrs(&a);
	b = a;
	CHECK(pcr_values_differ(&a, &b) == 0);
	b.value[7][0] = 1;
	b.value[23][31] = 1;
	CHECK(pcr_values_differ(&a, &b) == (1u << 7 | 1u << 23));
	b.mask &= ~(1u << 7);
	CHECK(pcr_values_differ(&a, &b) == 1u << 23);
	CHECK(pcr_values_differ(&b, &a) == 1u << 23);
}

static void test_masks(void)
{
	static const struct {
		const char *text;
		uint32_t mask;
		const char *formatted;
	} good[] = {
		{"0", 1u << 0, "0"},
		{"23", 1u << 23, "23"},
		{"4+7+8+9", PCR_MASK_DEFAULT, "4+7+8+9"},
		{"13,12,11,7,4", PCR_MASK_DEFAULT_UKI, "4+7+11+12+13"},
		{"15,4+07", 1u << 4 | 1u << 7 | 1u << 15, "4+7+15"},
		{"0+1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17+18+19+20+21+22+23", 0xffffff,
		 "0+1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17+18+19+20+21+22+23"},
	};
	static const char *const bad[] = {
		"",    "+",    "7+", "+7", "7++8", "24", "7+24", "007", "4294967303",
		"7 8", "7+ 8", " 7", "7 ", "-7",   "7x", "0x7",	 "7+7", "7;8",
	};
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint32_t mask = 0;

		CHECK(!pcr_mask_parse(good[i].text, &mask));
		CHECK(mask == good[i].mask);
		text = pcr_mask_format(mask);
		CHECK(text && !strcmp(text, good[i].formatted));
		free(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint32_t mask = 42;

		CHECK(pcr_mask_parse(bad[i], &mask) == -EINVAL);
		CHECK(mask == 42);
	}
	text = pcr_mask_format(0);
	CHECK(text && !*text);
	free(text);
}

/* Printed by tpm2_policyauthvalue in a fresh trial session. */
static void test_auth_value(void)
{
	uint8_t digest[SHA256_SIZE] = {0};

	CHECK(policy_extend_auth_value(digest) == 0);
	CHECK(equals_hex(digest, sizeof(digest),
			 "8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e"));
}

int main(void)
{
	test_digests();
	test_auth_value();
	test_approval();
	test_counters();
	test_differ();
	test_masks();
	return test_done();
}
