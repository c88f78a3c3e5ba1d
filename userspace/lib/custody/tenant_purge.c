// SPDX-License-Identifier: LGPL-2.1-or-later
/* The request, the approvals, the conditions and the certificate of a purge. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "crypto/cms.h"
#include "custody/keypolicy_roots.h"
#include "custody/tenant.h"
#include "os/state.h"

#define MACHINE_KEY  "machine.key"
#define MACHINE_CERT "machine.pem"

/* --- request and approvals ----------------------------------------------------------------------
 */

/* The key of whoever could open the tenant without its TPM; "none". */
static int availability_key(const struct tenant *tenant, const struct keypolicy *policy,
			    char ret[2 * SHA256_SIZE + 1])
{
	if (!*tenant->availability)
		return keypolicy_key_text(&policy->availability_public, ret);
	strcpy(ret, tenant->availability);
	return 0;
}

static void put_tenant(struct members *m, const struct tenant *tenant,
		       const struct keypolicy *policy, const char *availability)
{
	members_put_text(m, "tenant", tenant->name);
	members_put_text(m, "volume", tenant->uuid);
	members_put_text(m, "policy", policy->name);
	members_put_text(m, "policy_uuid", policy->uuid);
	members_put_text(m, "availability_key_sha256", availability);
}

int tenant_purge_request(const struct tenant *tenant, const struct keypolicy *policy, char **ret)
{
	char availability[2 * SHA256_SIZE + 1];
	char now[TIME_LENGTH + 1];
	struct members m;
	int r = token_time_now(now);

	if (r < 0)
		return r;
	r = availability_key(tenant, policy, availability);
	if (r < 0)
		return r;
	m = members_write(NULL);
	members_put_text(
		&m, "statement",
		!*tenant->availability
			? "This tenant's data is to be destroyed for good. Its policy's "
			  "availability key is destroyed, or will be."
		: !strcmp(tenant->availability, "none")
			? "This tenant's data is to be destroyed for good. It has no availability "
			  "key."
			: "This tenant's data is to be destroyed for good. Its own availability "
			  "key is destroyed, or will be.");
	put_tenant(&m, tenant, policy, availability);
	members_put_text(&m, "requested", now);
	*ret = members_text(&m);
	return *ret ? 0 : -ENOMEM;
}

/* Find the approver who signed @cms, and check that it is over exactly this request. */
static int approver_of(const struct tenant *tenant, const struct keypolicy *policy,
		       const struct blob *cms, size_t *ret_approver)
{
	_cleanup_blob_ struct blob content = {0};
	int r = crypto_cms_verify(cms, (const char *const *)policy->approvers, policy->n_approvers,
				  &content, ret_approver);

	if (r == -EBADMSG)
		return log_errno(EBADMSG, "this is no signed message (CMS) with one signer");
	if (r == -EKEYREJECTED)
		return log_errno(EKEYREJECTED,
				 "this is not signed by a registered approver of policy %s",
				 policy->name);
	if (r < 0)
		return r;
	if (content.size != strlen(tenant->purge.request) ||
	    memcmp(content.data, tenant->purge.request, content.size))
		return log_errno(EKEYREJECTED, "what is signed is not the request to purge %s",
				 tenant->name);
	return 0;
}

int tenant_purge_approve(struct tenant *tenant, const struct keypolicy *policy,
			 const struct blob *approval, char **ret_subject)
{
	uint8_t digest[SHA256_SIZE];
	size_t approver, other;
	int r;

	if (!tenant->purge.request)
		return log_errno(EINVAL, "nobody has asked to purge %s", tenant->name);
	r = approver_of(tenant, policy, approval, &approver);
	if (r < 0)
		return r;
	r = crypto_cert_read(policy->approvers[approver], ret_subject, digest);
	if (r == -ESTALE)
		return log_errno(EKEYREJECTED, "the approver's certificate is not valid now");
	if (r < 0)
		return r;
	for (size_t i = 0; i < tenant->purge.n_approvals; i++) {
		r = approver_of(tenant, policy, &tenant->purge.approvals[i], &other);
		if (r < 0)
			return r;
		if (other == approver)
			return log_errno(EEXIST, "%s has approved already", *ret_subject);
	}
	if (tenant->purge.n_approvals == KEYPOLICY_APPROVALS)
		return log_errno(EEXIST, "%s has all approvals already", tenant->name);
	r = blob_set(&tenant->purge.approvals[tenant->purge.n_approvals], approval->data,
		     approval->size);
	if (r < 0)
		return r;
	tenant->purge.n_approvals++;
	return 0;
}

/* --- the conditions ------------------------------------------------------------------------------
 */

/* Verify the approvals again, since the file may have been edited. */
static int check_approvals(const struct tenant *tenant, const struct keypolicy *policy)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < tenant->purge.n_approvals; i++) {
		size_t approver;
		int r = approver_of(tenant, policy, &tenant->purge.approvals[i], &approver);

		if (r < 0)
			return r;
		seen |= 1u << approver;
	}
	if (__builtin_popcount(seen) < KEYPOLICY_APPROVALS)
		return log_errno(EPERM, "the purge of %s has %d of %d approvals", tenant->name,
				 __builtin_popcount(seen), KEYPOLICY_APPROVALS);
	return 0;
}

/* Times in this format compare as text. */
static int check_time(const struct tenant *tenant)
{
	char now[TIME_LENGTH + 1];
	int r = token_time_now(now);

	if (r < 0 || strcmp(now, tenant->purge.until) >= 0)
		return r;
	return log_errno(EPERM, "%s is not to be purged before %s", tenant->name,
			 tenant->purge.until);
}

/* A root that answers was not withdrawn by its owner, who then has not agreed to the purge. */
static int check_roots(const struct tenant *tenant, const struct keypolicy *policy)
{
	for (int i = 0; i < WRAP_ROOTS; i++) {
		_cleanup_secret_ struct secret *secret = NULL;
		struct provider_error errs[WRAP_ROOTS] = {0};

		keypolicy_prove(policy, (enum wrap_key)i, &secret, errs);
		switch (errs[i].outcome) {
		case PROVIDER_DENIED:
		case PROVIDER_ABSENT:
			break;
		case PROVIDER_OK:
			return log_errno(
				EPERM,
				"root %c of policy %s still answers; %s is purged only when "
				"its owner has withdrawn both",
				'a' + i, policy->name, tenant->name);
		default:
			return log_errno(EHOSTUNREACH,
					 "root %c of policy %s cannot be asked whether it is "
					 "withdrawn: %s%s%s",
					 'a' + i, policy->name,
					 provider_outcome_names[errs[i].outcome],
					 *errs[i].detail ? ": " : "", errs[i].detail);
		}
	}
	return 0;
}

int tenant_purge_check(const struct tenant *tenant, const struct keypolicy *policy)
{
	int r;

	if (!tenant->purge.request)
		return log_errno(EINVAL, "nobody has asked to purge %s", tenant->name);
	r = check_approvals(tenant, policy);
	if (r < 0)
		return r;
	r = check_time(tenant);
	return r < 0 ? r : check_roots(tenant, policy);
}

/* --- the certificate -----------------------------------------------------------------------------
 */

static int identity_read(struct secret **ret_key, char **ret_cert)
{
	_cleanup_free_ char *cert = NULL;
	int r = state_read(MACHINE_CERT, &cert);

	if (r < 0)
		return r;
	r = state_read_secret(MACHINE_KEY, ret_key);
	if (r < 0)
		return r;
	*ret_cert = steal(cert);
	return 0;
}

static int identity_make(struct secret **ret_key, char **ret_cert)
{
	_cleanup_secret_ struct secret *key = NULL, *text = NULL;
	_cleanup_free_ char *cert = NULL;
	int r = crypto_cert_make("fvesetup on this machine", &key, &cert);

	if (r < 0)
		return r;
	text = secret_new(key->size + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text->data, key->data, key->size);
	r = state_write(MACHINE_KEY, (const char *)text->data);
	if (r < 0)
		return r;
	r = state_write(MACHINE_CERT, cert);
	if (r < 0)
		return r;
	*ret_key = steal(key);
	*ret_cert = steal(cert);
	return 0;
}

/* The key by which this machine signs what it did. It lies on the machine's own disk. */
static int machine_identity(struct secret **ret_key, char **ret_cert)
{
	int r = identity_read(ret_key, ret_cert);

	return r == -ENOENT ? identity_make(ret_key, ret_cert) : r;
}

/* List the approvers in the order of their approvals, as JSON that the caller puts. */
static int list_approvers(const struct tenant *tenant, const struct keypolicy *policy,
			  struct json_object **ret)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	if (!array)
		return -ENOMEM;
	for (size_t i = 0; i < tenant->purge.n_approvals; i++) {
		_cleanup_free_ char *subject = NULL;
		uint8_t digest[SHA256_SIZE];
		struct members one;
		size_t approver;
		int r = approver_of(tenant, policy, &tenant->purge.approvals[i], &approver);

		if (r < 0)
			return r;
		r = crypto_cert_read(policy->approvers[approver], &subject, digest);
		if (r < 0)
			return r;
		one = members_write(NULL);
		members_put_text(&one, "subject", subject);
		members_put_hex(&one, "certificate_sha256", digest, sizeof(digest));
		json_object_array_add(array, one.object);
	}
	*ret = steal(array);
	return 0;
}

int tenant_purge_certificate(const struct tenant *tenant, const struct keypolicy *policy,
			     bool header_erased, char **ret)
{
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_free_ char *cert = NULL, *text = NULL;
	_cleanup_json_ struct json_object *approvers = NULL;
	char availability[2 * SHA256_SIZE + 1];
	struct members m;
	int r = machine_identity(&key, &cert);

	if (r < 0)
		return r;
	r = availability_key(tenant, policy, availability);
	if (r < 0)
		return r;
	r = list_approvers(tenant, policy, &approvers);
	if (r < 0)
		return r;
	m = members_write(NULL);
	/* Terms of NIST SP 800-88 rev. 1, 2.5 and appendix G. */
	members_put_text(&m, "statement",
			 "The volume's key cannot be derived any more, from no copy of it.");
	members_put_text(&m, "technique", "purge by cryptographic erase");
	members_put_text(&m, "erased", "32-byte factor of the key, by a new key in TPM NV");
	members_put_text(&m, "header", header_erased ? "erased, too" : "not reached");
	put_tenant(&m, tenant, policy, availability);
	members_put_text(
		&m, "residual",
		!strcmp(tenant->availability, "none")
			? "None by a key: there is no availability key."
			: "The custodian of the availability key could open copies of the header.");
	members_put_text(&m, "created", tenant->created);
	members_put_text(&m, "purged", tenant->purged);
	members_put(&m, "approved_by", steal(approvers));
	text = members_text(&m);
	return text ? crypto_cms_sign(key, cert, text, strlen(text), ret) : -ENOMEM;
}
