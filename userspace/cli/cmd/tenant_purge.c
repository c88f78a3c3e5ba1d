// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup tenant purge' action, step by step. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/signals.h"
#include "cli/table.h"
#include "cli/tenant.h"
#include "custody/factors.h"
#include "custody/keypolicy_volumes.h"
#include "os/device.h"
#include "os/file.h"
#include "volume/erase.h"

#define SECONDS_OF_DAY 86400

static int audit(const struct args *args, const struct tenant *tenant,
		 const struct keypolicy *policy, const char *event, const char *detail)
{
	return keypolicy_audit(policy, args->unlock.tcti, event, tenant->uuid, detail);
}

static int request(const struct args *args, struct tenant *tenant, const struct keypolicy *policy)
{
	int r;

	if (tenant->purge.request)
		return log_errno(EEXIST, "the purge of %s is asked for already, until %s",
				 tenant->name, tenant->purge.until);
	if (policy->n_approvers < KEYPOLICY_APPROVALS)
		return log_errno(EPERM,
				 "policy %s has no approvers, so that nothing of it is ever purged",
				 policy->name);
	r = file_check_new(args->request, "request");
	if (r < 0)
		return r;
	r = tenant_purge_request(tenant, policy, &tenant->purge.request);
	if (r < 0)
		return r;
	r = time_text(time(NULL) + (time_t)policy->purge_days * SECONDS_OF_DAY,
		      tenant->purge.until);
	if (r < 0)
		return r;
	r = file_create(args->request, 0644, tenant->purge.request, strlen(tenant->purge.request));
	if (r < 0)
		return r;
	r = tenant_save(tenant);
	if (r < 0)
		return r;
	r = audit(args, tenant, policy, "purge-requested", tenant->purge.until);
	if (r < 0)
		return r;
	log_notice("%s can be purged from %s on, when %d approvers have signed %s.", tenant->name,
		   tenant->purge.until, KEYPOLICY_APPROVALS, args->request);
	return 0;
}

static int approve(const struct args *args, struct tenant *tenant, const struct keypolicy *policy)
{
	_cleanup_blob_ struct blob approval = {0};
	_cleanup_free_ char *subject = NULL;
	int r = file_read_small(args->approval, &approval);

	if (r < 0)
		return r;
	r = tenant_purge_approve(tenant, policy, &approval, &subject);
	if (r < 0)
		return r;
	r = tenant_save(tenant);
	if (r < 0)
		return r;
	r = audit(args, tenant, policy, "purge-approved", subject);
	if (r < 0)
		return r;
	log_notice("%s approves the purge of %s: %zu of %d.", subject, tenant->name,
		   tenant->purge.n_approvals, KEYPOLICY_APPROVALS);
	return 0;
}

static int cancel(const struct args *args, struct tenant *tenant, const struct keypolicy *policy)
{
	struct tenant_purge *purge = &tenant->purge;
	int r;

	if (!purge->request)
		return log_errno(EINVAL, "nobody has asked to purge %s", tenant->name);
	for (size_t i = 0; i < purge->n_approvals; i++)
		blob_free(&purge->approvals[i]);
	free(purge->request);
	*purge = (struct tenant_purge){0};
	r = tenant_save(tenant);
	return r < 0 ? r : audit(args, tenant, policy, "purge-cancelled", NULL);
}

/* Where the device is gone the factor's end is enough, and the certificate says so. */
static bool erase_header(const struct args *args, const struct tenant *tenant, int *ret_tpm)
{
	_cleanup_header_ struct header *header = NULL;

	if (access(tenant->path, F_OK) < 0 || header_load(tenant->path, &header) < 0 ||
	    strcmp(header_uuid(header), tenant->uuid))
		return false;
	return volume_erase(header, args->unlock.tcti, ret_tpm) == 0;
}

/* The factor first: it is what counts. Each step can be repeated. */
static int execute(const struct args *args, struct tenant *tenant, struct keypolicy *policy)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_free_ char *certificate = NULL;
	struct keypolicy_volume volume = {0};
	enum reason reason = REASON_NONE;
	bool header_erased;
	int left = 0, r = file_check_new(args->certificate, "certificate");

	if (r < 0)
		return r;
	if (cli_tenant_is_open(tenant->name))
		return log_errno(EBUSY, "tenant %s is open; first: fvesetup tenant close %s",
				 tenant->name, tenant->name);
	r = tenant_purge_check(tenant, policy);
	if (r < 0)
		return r;
	r = tpm_open(args->unlock.tcti, &tpm, &reason);
	if (r < 0)
		return log_errno(-r, "the factor of %s is in the TPM: %s", tenant->name,
				 reason_text(reason));
	signals_hold();
	r = factors_erase(tpm, tenant->uuid, &reason);
	if (r < 0)
		return r;
	header_erased = erase_header(args, tenant, &left);
	strcpy(volume.uuid, tenant->uuid);
	r = keypolicy_unlist_volume(policy, &volume);
	if (r < 0)
		return r;
	r = audit(args, tenant, policy, "tenant-purged",
		  header_erased ? "header erased" : "header not reached");
	if (r < 0)
		return r;
	r = token_time_now(tenant->purged);
	if (r < 0)
		return r;
	r = tenant_purge_certificate(tenant, policy, header_erased, &certificate);
	if (r < 0)
		return r;
	r = file_create(args->certificate, 0644, certificate, strlen(certificate));
	if (r == 0)
		r = tenant_save(tenant);
	return r ?: left;
}

static int cmd_tenant_purge(const struct args *args)
{
	_cleanup_tenant_ struct tenant tenant = {0};
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_close_ int lock = -1;
	int r;

	if (!!args->request + !!args->approval + !!args->certificate + args->cancel != 1)
		return log_errno(EINVAL, "tenant purge takes one of --request, --approval, "
					 "--certificate and --cancel");
	r = cli_tenant_load(args->operand[0], &tenant);
	if (r < 0)
		return r;
	r = keypolicy_find(tenant.policy, &policy);
	if (r == -ENOENT)
		return log_errno(ENOENT, "the policy of %s is not there any more",
				 args->operand[0]);
	if (r == 0)
		r = device_lock(tenant.path, DEVICE_TO_CHANGE, &lock);
	if (r < 0)
		return r;
	if (args->request)
		return request(args, &tenant, &policy);
	if (args->approval)
		return approve(args, &tenant, &policy);
	return args->cancel ? cancel(args, &tenant, &policy) : execute(args, &tenant, &policy);
}

ACTION(tenant_purge, "Tenants", "tenant purge", "<name>", "destroy its data for good, in steps",
       "Destroy a tenant's data for good, in its snapshots and in backups of its header, too. "
       "First --request: the file is to be signed by two approvers of the policy (openssl cms "
       "-sign -binary -nodetach -outform PEM), and each gives an --approval. After --purge-days of "
       "the policy, and when the owner has withdrawn both roots, --certificate does it. The "
       "custodian of the availability key has to destroy it.",
       OPT_REQUEST, OPT_APPROVAL, OPT_CANCEL, OPT_CERTIFICATE, OPT_TPM);
