/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The volumes of a key policy: its list of them, and where each is now. */
#ifndef FVE_KEYPOLICY_VOLUMES_H
#define FVE_KEYPOLICY_VOLUMES_H

#include "custody/keypolicy.h"
#include "header/header.h"

/* The token of policy @uuid, and the policy's generation in it. -ENOENT without a message. */
int keypolicy_token_find(const struct header *header, const char *uuid, int *ret_token,
			 uint32_t *ret_generation);

/* Where a volume of a policy is now. */
struct keypolicy_place {
	char path[TOKEN_PATH_MAX + 1]; /* of the device; where it was, when it is not there */
	bool there;
	uint32_t generation; /* of the policy, in its header; 0: it has none, or is not there */
};

/* Look for all volumes of @policy; the caller frees the array. No message for one that is away. */
int keypolicy_volumes_find(const struct keypolicy *policy, struct keypolicy_place **ret);

/* "current", "behind", "unassigned" or "away". */
const char *keypolicy_volume_state(const struct keypolicy *policy,
				   const struct keypolicy_place *volume);

/* One that a roll has not reached, of all that keypolicy_volumes_find() gave; or NULL. */
const struct keypolicy_place *keypolicy_volume_behind(const struct keypolicy *policy,
						      const struct keypolicy_place *volumes);

/* "suspended", "rolling" or "registered". */
const char *keypolicy_state(const struct keypolicy *policy, const struct keypolicy_place *volumes);

/*
 * Look for one volume; gives where it is, which need not be where it was, and its header, which
 * nobody else changes until @ret_lock is closed. -ENODEV: it is not there.
 */
int keypolicy_volume_lock(const struct keypolicy_volume *volume, char ret_path[TOKEN_PATH_MAX + 1],
			  int *ret_lock, struct header **ret);

/* Note that @volume is of @policy, or is not any more. */
int keypolicy_list_volume(struct keypolicy *policy, struct keypolicy_volume *volume);
int keypolicy_unlist_volume(struct keypolicy *policy, struct keypolicy_volume *volume);

#endif
