// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sealing and unsealing the lease: docs/on-disk.md, "Key policies". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_roots.h"

#define KEEP_INFO "fve availability key"

static int keep(const struct keypolicy *policy, const struct secret *proof, char ret_ad[96],
		struct secret **ret_key)
{
	snprintf(ret_ad, 96, "fve 1 %s availability", policy->uuid);
	return crypto_derive(proof, KEEP_INFO, ret_key);
}

int keypolicy_lease_keep(struct keypolicy *policy, const struct secret *proof,
			 const struct secret *private)
{
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_blob_ struct blob kept = {0};
	char ad[96];
	int r = keep(policy, proof, ad, &key);

	if (r < 0)
		return r;
	r = crypto_wrap(key, ad, private, &kept);
	if (r < 0)
		return r;
	blob_free(&policy->availability_private);
	policy->availability_private = steal_struct(kept);
	return 0;
}

int keypolicy_lease_private(const struct keypolicy *policy, const struct secret *proof,
			    struct secret **ret_private)
{
	_cleanup_secret_ struct secret *key = NULL;
	char ad[96];
	int r = keep(policy, proof, ad, &key);

	return r < 0 ? r : crypto_unwrap(key, ad, &policy->availability_private, ret_private);
}

/* TPM2_PolicyPCR, then TPM2_PolicyCounterTimer of the boots. */
static int policy_digest(const struct keypolicy_lease *lease, uint8_t ret[SHA256_SIZE])
{
	int r;

	memset(ret, 0, SHA256_SIZE);
	r = policy_extend_pcr(ret, &lease->pcrs);
	return r < 0 ? r : policy_extend_boots(ret, &lease->boots);
}

/* Describe a lease of full length that begins now; nothing is sealed yet. */
static int measure(struct tpm *tpm, const struct keypolicy *policy, struct keypolicy_lease *ret,
		   enum reason *ret_reason)
{
	struct tpm_boots boots = {0};
	int r = tpm_srk_name(tpm, TPM_SRK_MAKE, &ret->srk, ret_reason);

	if (r < 0)
		return r;
	r = tpm_boots_read(tpm, &boots, ret_reason);
	if (r < 0)
		return r;
	r = tpm_read_pcrs(tpm, 1u << KEYPOLICY_LEASE_PCR, &ret->pcrs, ret_reason);
	if (r < 0)
		return r;
	if (boots.resets > UINT32_MAX - policy->lease_boots)
		return -EOVERFLOW;
	ret->boots = (struct policy_boots){boots.resets + policy->lease_boots, true};
	return 0;
}

static bool is_full(const struct keypolicy_lease *lease, const struct keypolicy_lease *full)
{
	return lease->there && lease->boots.reset_limit == full->boots.reset_limit &&
	       lease->boots.no_restart && !memcmp(&lease->srk, &full->srk, sizeof(full->srk)) &&
	       !pcr_values_differ(&lease->pcrs, &full->pcrs);
}

struct news {
	struct keypolicy_lease lease; /* .there: a new one */
	char proved[TIME_LENGTH + 1];
};

static int set_news(struct keypolicy *policy, void *data)
{
	struct news *news = data;

	strcpy(policy->proved, news->proved);
	if (!news->lease.there)
		return 0;
	tpm_sealed_free(&policy->lease.sealed);
	policy->lease = news->lease;
	news->lease = (struct keypolicy_lease){0};
	return 0;
}

/* Seal the proof secret anew, unless the lease has its full length. */
static int seal(const struct keypolicy *policy, const char *tcti, enum wrap_key root,
		const struct secret *proof, struct keypolicy_lease *ret, enum reason *ret_reason)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_secret_ struct secret *unwrapped = NULL;
	struct provider_error errs[WRAP_ROOTS];
	struct keypolicy_lease lease = {.there = true};
	uint8_t digest[SHA256_SIZE];
	int r = tpm_open(tcti, &tpm, ret_reason);

	if (r < 0)
		return r;
	r = measure(tpm, policy, &lease, ret_reason);
	if (r < 0 || is_full(&policy->lease, &lease))
		return r;
	r = proof ? 0 : keypolicy_prove(policy, root, &unwrapped, errs);
	if (r < 0)
		return r;
	r = policy_digest(&lease, digest);
	if (r < 0)
		return r;
	r = tpm_seal(tpm, &lease.srk, digest, TPM_DA_EXEMPT, NULL, proof ?: unwrapped,
		     &lease.sealed, ret_reason);
	if (r < 0)
		return r;
	*ret = lease;
	return 0;
}

static int get_news(const struct keypolicy *policy, const char *tcti, enum wrap_key root,
		    const struct secret *proof, struct news *ret)
{
	enum reason reason = REASON_NONE;
	int r = token_time_now(ret->proved);

	if (r < 0 || policy->availability != AVAILABILITY_TRANSIENT)
		return r;
	r = seal(policy, tcti, root, proof, &ret->lease, &reason);
	if (r < 0)
		return log_errno(-r, "the TPM holds no new lease for policy %s: %s (%s)",
				 policy->name,
				 reason == REASON_NONE ? strerror(-r) : reason_text(reason),
				 reason_code(reason));
	return 0;
}

int keypolicy_lease_begin(struct keypolicy *policy, const char *tcti, const struct secret *proof)
{
	struct news news = {0};
	int r = get_news(policy, tcti, WRAP_ROOTS, proof, &news);

	return r < 0 ? r : set_news(policy, &news);
}

int keypolicy_lease_renew(struct keypolicy *policy, const char *tcti, enum wrap_key root,
			  const struct secret *proof)
{
	struct news news = {0};
	/* That a root was used is noted even so. */
	int r = get_news(policy, tcti, root, proof, &news),
	    noted = keypolicy_update(policy, set_news, &news);

	tpm_sealed_free(&news.lease.sealed);
	return r < 0 ? r : noted;
}

int keypolicy_lease_use(const struct keypolicy *policy, const char *tcti,
			struct secret **ret_private, enum reason *ret_reason)
{
	const struct keypolicy_lease *lease = &policy->lease;
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_secret_ struct secret *proof = NULL;
	int r;

	*ret_reason = REASON_LEASE_OVER;
	if (!lease->there)
		return -EPERM;
	r = tpm_open(tcti, &tpm, ret_reason);
	if (r < 0)
		return r;
	r = tpm_unseal_suspended(tpm, &lease->srk, &lease->sealed, &lease->pcrs, &lease->boots,
				 &proof, ret_reason);
	if (*ret_reason == REASON_SUSPEND_EXPIRED)
		*ret_reason = REASON_LEASE_OVER;
	if (r < 0)
		return r;
	r = keypolicy_lease_private(policy, proof, ret_private);
	*ret_reason = r < 0 ? REASON_TOKEN_CORRUPT : REASON_NONE;
	return r;
}

int keypolicy_lease_left(const struct keypolicy *policy, const char *tcti)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason;
	struct tpm_boots boots;

	if (!policy->lease.there || tpm_open(tcti, &tpm, &reason) < 0 ||
	    tpm_boots_read(tpm, &boots, &reason) < 0 ||
	    boots.resets > policy->lease.boots.reset_limit)
		return -1;
	return (int)(policy->lease.boots.reset_limit - boots.resets);
}
