// SPDX-License-Identifier: LGPL-2.1-or-later
/* Giving the volumes of a policy new keys. */

#include "base/log.h"
#include "custody/keypolicy_volumes.h"
#include "header/change.h"
#include "keys/rotate.h"
#include "protector/customer_rewrap.h"

/* Give one volume a new KEK under the policy's keys of now. */
static int rewrap(const struct keypolicy *policy, const struct keypolicy_volume *volume,
		  const struct customer_rewrap *how)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_close_ int lock = -1;
	char path[TOKEN_PATH_MAX + 1];
	struct refusal refusal = {0};
	struct protector protector;
	uint32_t generation;
	int r = keypolicy_volume_lock(volume, path, &lock, &header);

	if (r < 0)
		return r;
	if (protector_customer_find(header, policy->uuid, &protector, &generation) < 0) {
		log_notice("%s has no protector of policy %s any more; to take it off the list: "
			   "fvesetup policy unassign %s %s",
			   path, policy->name, policy->name, path);
		return 0;
	}
	if (how->behind && generation == policy->generation)
		return 0;
	r = protector_customer_open(header, &protector, how->tcti, how->availability, &fvek,
				    &refusal);
	if (r < 0) {
		how->refused(how->data, &protector, &refusal);
		return log_errno(-r, "%s was not opened, and keeps its old wraps", path);
	}
	r = change_check_header(header, fvek);
	if (r < 0)
		return r;
	r = rotate_resume(header, fvek);
	return r < 0 ? r : protector_customer_set(header, fvek, policy, NULL, how->verify);
}

int customer_rewrap(const struct keypolicy *policy, const struct customer_rewrap *how)
{
	size_t done = 0;
	int result = 0;

	for (size_t i = 0; i < policy->n_volumes; i++) {
		int r = rewrap(policy, &policy->volumes[i], how);

		if (r == 0)
			done++;
		else if (result == 0)
			result = r;
	}
	if (result < 0)
		log_error(
			"%zu of %zu volumes of policy %s are wrapped anew; keep the old keys until "
			"the rest are, by: fvesetup policy %s %s",
			done, policy->n_volumes, policy->name,
			how->availability ? "recover" : "refresh", policy->name);
	else
		log_notice("%zu %s of policy %s wrapped anew.", done,
			   done == 1 ? "volume" : "volumes", policy->name);
	return result;
}
