// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup policy assign|unassign|refresh|roll|recover' actions: the volumes of a policy. */
#include <errno.h>
#include <string.h>

#include "cli/table.h"
#include "custody/keypolicy_roots.h"
#include "custody/keypolicy_volumes.h"
#include "os/device.h"
#include "protector/customer.h"
#include "protector/customer_rewrap.h"

#define BOTH_ROOTS (1u << WRAP_ROOT_A | 1u << WRAP_ROOT_B)

/* The second operand, unlocked as by open and locked against others. */
static int unlock_device(const struct args *args, int *ret_lock, struct header **ret_header,
			 struct secret **ret_fvek, struct keypolicy_volume *ret_volume)
{
	const char *path = args->operand[1];
	_cleanup_free_ char *absolute = realpath(path, NULL);
	struct unlock_request how = args->unlock;
	int r;

	how.device = path;
	r = cli_open_to_change(&how, ret_lock, ret_header, ret_fvek);
	if (r < 0)
		return r;
	if (!absolute || strlen(absolute) > TOKEN_PATH_MAX)
		return log_errno(EINVAL, "the path of %s is too long", path);
	strcpy(ret_volume->uuid, header_uuid(*ret_header));
	strcpy(ret_volume->path, absolute);
	return 0;
}

/* The list first: a volume that is listed and has no token is seen, the other way round not. */
static int cmd_policy_assign(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	struct keypolicy_volume volume = {0};
	int r = keypolicy_load_active(args->operand[0], &policy);

	if (r < 0)
		return r;
	r = unlock_device(args, &lock, &header, &fvek, &volume);
	if (r < 0)
		return r;
	r = keypolicy_list_volume(&policy, &volume);
	if (r < 0)
		return r;
	r = protector_customer_set(header, fvek, &policy, NULL, 0);
	return r < 0 ? r
		     : keypolicy_audit(&policy, args->unlock.tcti, "policy-assigned", volume.uuid,
				       NULL);
}

ACTION(policy_assign, "Customer keys", "policy assign", "<name> <device>",
       "let its root keys open a volume",
       "Unlock a volume as by open, and add a protector customer-key: its key is wrapped under "
       "both roots and the availability key. That takes public keys alone; no root has to be "
       "reachable.",
       TO_UNLOCK);

static int cmd_policy_unassign(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	struct keypolicy_volume volume = {0};
	struct protector protector;
	uint32_t generation;
	int r = keypolicy_load(args->operand[0], &policy);

	if (r < 0)
		return r;
	r = unlock_device(args, &lock, &header, &fvek, &volume);
	if (r < 0)
		return r;
	r = protector_customer_find(header, policy.uuid, &protector, &generation);
	if (r == 0)
		r = protector_remove(header, fvek, &protector, PROTECTOR_LAST_GOES);
	/* There is none after an interrupted assign. */
	if (r < 0 && r != -ENOENT)
		return r;
	r = keypolicy_unlist_volume(&policy, &volume);
	return r < 0 ? r
		     : keypolicy_audit(&policy, args->unlock.tcti, "policy-unassigned", volume.uuid,
				       NULL);
}

ACTION(policy_unassign, "Customer keys", "policy unassign", "<name> <device>", "end that",
       "Unlock a volume as by open, and remove the policy's protector.", TO_UNLOCK);

static void refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	cli_show_refusal(data, protector, refusal);
}

static int rewrap_all(const struct args *args, const struct keypolicy *policy,
		      const struct secret *availability, uint32_t verify)
{
	const struct customer_rewrap how = {
		.tcti = args->unlock.tcti,
		.availability = availability,
		.verify = verify,
		.refused = refused,
		.data = (void *)args->unlock.event_log,
	};

	return customer_rewrap(policy, &how);
}

static int cmd_policy_refresh(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	int r = keypolicy_load_active(args->operand[0], &policy);

	return r < 0 ? r : rewrap_all(args, &policy, NULL, BOTH_ROOTS);
}

ACTION(policy_refresh, "Customer keys", "policy refresh", "<name>", "wrap all its volumes anew",
       "Give each volume of the policy a new key under the roots of now, which both unwrap it "
       "before it is written.",
       OPT_TPM);

/* The policy first, then every volume: one that is not reached opens by its old roots. */
static int replace_roots(const struct args *args, struct keypolicy *policy,
			 const struct secret *proof, const struct secret *availability)
{
	const char *const uris[WRAP_ROOTS] = {args->root_a, args->root_b};
	uint32_t given =
		(args->root_a ? 1u << WRAP_ROOT_A : 0) | (args->root_b ? 1u << WRAP_ROOT_B : 0);
	int r = keypolicy_roots_replace(policy, uris, proof, availability, args->unlock.tcti,
					args->local ? "--local" : NULL);

	return r < 0 ? r : rewrap_all(args, policy, availability, given);
}

static int cmd_policy_roll(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_free_ struct keypolicy_place *volumes = NULL;
	_cleanup_secret_ struct secret *proof = NULL;
	const struct keypolicy_place *behind;
	struct provider_error errs[WRAP_ROOTS];
	int r;

	if (!args->root_a == !args->root_b)
		return log_errno(EINVAL,
				 "policy roll takes one of --root-a and --root-b: one key at "
				 "a time");
	r = cli_policy_by_hand(args);
	if (r == 0)
		r = keypolicy_load_active(args->operand[0], &policy);
	if (r == 0)
		r = keypolicy_volumes_find(&policy, &volumes);
	if (r < 0)
		return r;
	behind = keypolicy_volume_behind(&policy, volumes);
	if (behind)
		return log_errno(EBUSY,
				 "the last roll of policy %s is not finished: %s; first: fvesetup "
				 "policy refresh %s",
				 policy.name, behind->path, policy.name);
	r = keypolicy_prove(&policy, WRAP_ROOTS, &proof, errs);
	if (r < 0)
		return log_errno(-r, "no root of policy %s unwraps: a %s, b %s", policy.name,
				 provider_outcome_names[errs[WRAP_ROOT_A].outcome],
				 provider_outcome_names[errs[WRAP_ROOT_B].outcome]);
	return replace_roots(args, &policy, proof, NULL);
}

ACTION(policy_roll, "Customer keys", "policy roll", "<name>",
       "put a new root in an old one's place",
       "Put a new root, --root-a or --root-b, in the place of the old one: it is really used "
       "first, and each volume's new wrap really unwrapped, before the old one goes. No data is "
       "written. Keep the old key until this succeeds; after an interruption policy refresh "
       "goes on.",
       OPT_ROOT_A, OPT_ROOT_B, OPT_LOCAL, OPT_TPM);

/* The roots are lost: a custodian's key opens once more, to put new ones in their place. */
static int cmd_policy_recover(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *proof = secret_random(ROOTWRAP_KEY_SIZE);
	_cleanup_secret_ struct secret *availability = NULL;
	_cleanup_blob_ struct blob public = {0};
	int r;

	if (!args->root_a || !args->root_b || !args->unlock.availability_key)
		return log_errno(EINVAL,
				 "policy recover needs --availability-key, --root-a and --root-b");
	if (!proof)
		return -ENOMEM;
	r = cli_policy_by_hand(args);
	if (r == 0)
		r = keypolicy_load_active(args->operand[0], &policy);
	if (r < 0)
		return r;
	r = cli_read_availability_key(args->unlock.availability_key, &availability);
	if (r < 0)
		return r;
	if (crypto_rsa_spki(availability, &public) < 0 ||
	    !blob_equal(&public, &policy.availability_public))
		return log_errno(EPERM, "%s is not the availability key of policy %s",
				 args->unlock.availability_key, policy.name);
	return replace_roots(args, &policy, proof, availability);
}

ACTION(policy_recover, "Customer keys", "policy recover", "<name>",
       "after the loss of both roots: name new ones",
       "After the loss of both roots: open the policy's volumes by the custodian's "
       "--availability-key once more, and put --root-a and --root-b in the place of the old "
       "ones. Not for a policy that its owner has suspended.",
       OPT_AVAILABILITY_KEY, OPT_ROOT_A, OPT_ROOT_B, OPT_LOCAL, OPT_TPM);
