// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Computing policy digests. The layouts are those of Part 2 of the TPM 2.0 Library specification
 * (structures), and the digests those of Part 3, 23. All digests are SHA-256.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tpm/policy_digest.h"

/* These give the bytes of an integer, big-endian, as initialisers of an array. */
#define BE16(v) (uint8_t)((v) >> 8), (uint8_t)(v)
#define BE32(v) BE16((v) >> 16), BE16(v)
#define BE64(v) BE32((v) >> 32), BE32(v)

/* TPM_ALG_ID (Part 2, 6.3) */
#define ALG_SHA256 0x000b
#define ALG_NULL   0x0010
#define ALG_ECDSA  0x0018
#define ALG_ECC	   0x0023

/* TPM_CC (Part 2, 6.5.2) */
static const uint8_t cc_policy_nv[] = {BE32(0x00000149)};
static const uint8_t cc_policy_authorize[] = {BE32(0x0000016a)};
static const uint8_t cc_policy_auth_value[] = {BE32(0x0000016b)};
static const uint8_t cc_policy_counter_timer[] = {BE32(0x0000016d)};
static const uint8_t cc_policy_pcr[] = {BE32(0x0000017f)};

/* TPM_EO_UNSIGNED_LE (Part 2, 6.8): the TPM's value is at most the operand. */
#define EO_UNSIGNED_LE 0x0009

/* The policy digest of a session in which nothing was asserted yet. */
static const uint8_t empty_policy[SHA256_SIZE];

int pcr_mask_parse(const char *text, uint32_t *ret)
{
	uint32_t mask = 0;

	for (;;) {
		unsigned int pcr = 0;
		size_t digits;

		for (digits = 0; text[digits] >= '0' && text[digits] <= '9' && digits < 3; digits++)
			pcr = pcr * 10 + (unsigned int)(text[digits] - '0');
		/* A PCR that is named twice is a slip, and perhaps another PCR was meant. */
		if (!digits || digits > 2 || pcr >= PCR_COUNT || mask & 1u << pcr)
			return -EINVAL;
		mask |= 1u << pcr;
		text += digits;
		if (!*text)
			break;
		if (*text != '+' && *text != ',')
			return -EINVAL;
		text++;
	}
	*ret = mask;
	return 0;
}

char *pcr_mask_format(uint32_t mask)
{
	char *text = malloc(PCR_COUNT * strlen("23+") + 1);
	size_t size = 0;

	if (!text)
		return NULL;
	text[0] = '\0';
	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
		if (mask & 1u << pcr)
			size += (size_t)sprintf(text + size, size ? "+%u" : "%u", pcr);
	return text;
}

uint32_t pcr_values_differ(const struct pcr_values *a, const struct pcr_values *b)
{
	uint32_t differ = 0;

	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
		if (a->mask & b->mask & 1u << pcr &&
		    memcmp(a->value[pcr], b->value[pcr], SHA256_SIZE))
			differ |= 1u << pcr;
	return differ;
}

int pcr_values_digest(const struct pcr_values *pcrs, uint8_t ret[SHA256_SIZE])
{
	struct span parts[PCR_COUNT];
	size_t n_parts = 0;

	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
		if (pcrs->mask & 1u << pcr)
			parts[n_parts++] = (struct span){pcrs->value[pcr], SHA256_SIZE};
	return crypto_sha256(parts, n_parts, ret);
}

int policy_extend_pcr(uint8_t digest[SHA256_SIZE], const struct pcr_values *pcrs)
{
	/* TPML_PCR_SELECTION (Part 2, 10.9.7) */
	const uint8_t selection[] = {
		BE32(1),	  /* count: one bank */
		BE16(ALG_SHA256), /* its hash */
		PCR_COUNT / 8,	  /* sizeofSelect */
		/* pcrSelect: bit n of byte m is PCR 8 m + n */
		(uint8_t)pcrs->mask,
		(uint8_t)(pcrs->mask >> 8),
		(uint8_t)(pcrs->mask >> 16),
	};
	uint8_t pcr_digest[SHA256_SIZE];
	/* policyDigest' = H(policyDigest | TPM_CC_PolicyPCR | pcrs | pcrDigest) */
	const struct span parts[] = {
		{digest, SHA256_SIZE},
		{cc_policy_pcr, sizeof(cc_policy_pcr)},
		{selection, sizeof(selection)},
		{pcr_digest, sizeof(pcr_digest)},
	};
	int r = pcr_values_digest(pcrs, pcr_digest);

	if (r < 0)
		return r;
	return crypto_sha256(parts, ARRAY_SIZE(parts), digest);
}

void policy_counter_operand(uint64_t limit, uint8_t ret[8])
{
	const uint8_t bytes[] = {BE64(limit)};

	memcpy(ret, bytes, sizeof(bytes));
}

void policy_boots_operand(uint32_t limit, uint8_t ret[4])
{
	const uint8_t bytes[] = {BE32(limit)};

	memcpy(ret, bytes, sizeof(bytes));
}

/* Compute args of a comparison: H(operandB | offset | operation) (Part 3, 23.9 and 23.10). */
static int comparison(const void *operand, size_t size, uint16_t offset, uint8_t ret[SHA256_SIZE])
{
	const uint8_t tail[] = {BE16(offset), BE16(EO_UNSIGNED_LE)};
	const struct span parts[] = {{operand, size}, {tail, sizeof(tail)}};

	return crypto_sha256(parts, ARRAY_SIZE(parts), ret);
}

int policy_extend_counter(uint8_t digest[SHA256_SIZE], const struct policy_counter *counter,
			  uint64_t limit)
{
	uint8_t operand[8], args[SHA256_SIZE];
	/* policyDigest' = H(policyDigest | TPM_CC_PolicyNV | args | the index's Name) */
	const struct span parts[] = {
		{digest, SHA256_SIZE},
		{cc_policy_nv, sizeof(cc_policy_nv)},
		{args, sizeof(args)},
		{counter->name, sizeof(counter->name)},
	};
	int r;

	policy_counter_operand(limit, operand);
	r = comparison(operand, sizeof(operand), 0, args);
	return r < 0 ? r : crypto_sha256(parts, ARRAY_SIZE(parts), digest);
}

static int extend_counter_timer(uint8_t digest[SHA256_SIZE], uint32_t limit, uint16_t offset)
{
	uint8_t operand[4], args[SHA256_SIZE];
	/* policyDigest' = H(policyDigest | TPM_CC_PolicyCounterTimer | args) */
	const struct span parts[] = {
		{digest, SHA256_SIZE},
		{cc_policy_counter_timer, sizeof(cc_policy_counter_timer)},
		{args, sizeof(args)},
	};
	int r;

	policy_boots_operand(limit, operand);
	r = comparison(operand, sizeof(operand), offset, args);
	return r < 0 ? r : crypto_sha256(parts, ARRAY_SIZE(parts), digest);
}

int policy_extend_boots(uint8_t digest[SHA256_SIZE], const struct policy_boots *boots)
{
	int r = extend_counter_timer(digest, boots->reset_limit, POLICY_RESET_COUNT_OFFSET);

	if (r < 0 || !boots->no_restart)
		return r;
	return extend_counter_timer(digest, 0, POLICY_RESTART_COUNT_OFFSET);
}

int policy_counter_policy(const char *uuid, uint8_t ret[SHA256_SIZE])
{
	static const char what[] = "fve counter ";
	const struct span parts[] = {{what, strlen(what)}, {uuid, strlen(uuid)}};

	return crypto_sha256(parts, ARRAY_SIZE(parts), ret);
}

int policy_counter_name(uint32_t index, const char *uuid, uint8_t ret[POLICY_NAME_SIZE])
{
	/* TPMS_NV_PUBLIC (Part 2, 13.5); counter.c defines the index with these fields. */
	const uint8_t head[] = {
		BE32(index),	   /* nvIndex */
		BE16(ALG_SHA256),  /* nameAlg */
		BE32(0x22040014u), /* attributes: written, noDA, authRead, counter, authWrite */
		BE16(SHA256_SIZE), /* authPolicy ... */
	};
	static const uint8_t tail[] = {BE16(8)}; /* dataSize */
	uint8_t policy[SHA256_SIZE];
	const struct span parts[] = {{head, sizeof(head)},
				     {policy, sizeof(policy)},
				     {tail, sizeof(tail)}};
	static const uint8_t name_alg[] = {BE16(ALG_SHA256)};
	int r = policy_counter_policy(uuid, policy);

	if (r < 0)
		return r;
	memcpy(ret, name_alg, sizeof(name_alg));
	return crypto_sha256(parts, ARRAY_SIZE(parts), ret + sizeof(name_alg));
}

int policy_key_name(const struct ec_public *key, uint8_t ret[POLICY_NAME_SIZE])
{
	/* TPMT_PUBLIC (Part 2, 12.2.4) up to the point; seal.c loads the key with these fields. */
	static const uint8_t head[] = {
		BE16(ALG_ECC),	  /* type */
		BE16(ALG_SHA256), /* nameAlg */
		BE32(0x00040040), /* objectAttributes: sign | userWithAuth */
		BE16(0),	  /* authPolicy: empty */
		BE16(ALG_NULL),	  /* symmetric */
		BE16(ALG_ECDSA),  /* scheme ... */
		BE16(ALG_SHA256), /* ... and its hash */
		BE16(0x0003),	  /* curveID: TPM_ECC_NIST_P256 */
		BE16(ALG_NULL),	  /* kdf */
	};
	static const uint8_t name_alg[] = {BE16(ALG_SHA256)};
	static const uint8_t coordinate_size[] = {BE16(P256_SIZE)};
	const struct span parts[] = {
		{head, sizeof(head)}, {coordinate_size, sizeof(coordinate_size)},
		{key->x, P256_SIZE},  {coordinate_size, sizeof(coordinate_size)},
		{key->y, P256_SIZE},
	};
	int r = crypto_sha256(parts, ARRAY_SIZE(parts), ret + sizeof(name_alg));

	if (r < 0)
		return r;
	memcpy(ret, name_alg, sizeof(name_alg));
	return 0;
}

int policy_authorize_digest(const struct policy_authority *authority, uint8_t ret[SHA256_SIZE])
{
	uint8_t name[POLICY_NAME_SIZE], inner[SHA256_SIZE];
	/*
	 * The command forgets what was asserted before it, then updates as Part 3, 23.2.3:
	 * policyDigest' = H(H(0... | TPM_CC_PolicyAuthorize | keySign's Name) | policyRef)
	 */
	const struct span first[] = {
		{empty_policy, sizeof(empty_policy)},
		{cc_policy_authorize, sizeof(cc_policy_authorize)},
		{name, sizeof(name)},
	};
	const struct span second[] = {
		{inner, sizeof(inner)},
		{authority->ref, strlen(authority->ref)},
	};
	int r = policy_key_name(&authority->key, name);

	if (r < 0)
		return r;
	r = crypto_sha256(first, ARRAY_SIZE(first), inner);
	if (r < 0)
		return r;
	return crypto_sha256(second, ARRAY_SIZE(second), ret);
}

int policy_extend_auth_value(uint8_t digest[SHA256_SIZE])
{
	/* policyDigest' = H(policyDigest | TPM_CC_PolicyAuthValue) */
	const struct span parts[] = {
		{digest, SHA256_SIZE},
		{cc_policy_auth_value, sizeof(cc_policy_auth_value)},
	};

	return crypto_sha256(parts, ARRAY_SIZE(parts), digest);
}

int policy_approved_digest(const struct policy_authority *authority,
			   const struct policy_approval *approval, uint8_t ret[SHA256_SIZE])
{
	int r;

	memcpy(ret, empty_policy, SHA256_SIZE);
	r = policy_extend_pcr(ret, &approval->pcrs);
	if (r < 0 || !authority->counter.index)
		return r;
	return policy_extend_counter(ret, &authority->counter, approval->limit);
}

int policy_to_be_signed(const struct policy_authority *authority,
			const struct policy_approval *approval, uint8_t ret[SHA256_SIZE])
{
	uint8_t approved[SHA256_SIZE];
	const struct span parts[] = {
		{approved, sizeof(approved)},
		{authority->ref, strlen(authority->ref)},
	};
	int r = policy_approved_digest(authority, approval, approved);

	if (r < 0)
		return r;
	return crypto_sha256(parts, ARRAY_SIZE(parts), ret);
}

int policy_sign(const struct secret *private, const struct policy_authority *authority,
		struct policy_approval *approval)
{
	uint8_t digest[SHA256_SIZE];
	int r = policy_to_be_signed(authority, approval, digest);

	return r < 0 ? r : crypto_ec_sign(private, &authority->key, digest, &approval->signature);
}
