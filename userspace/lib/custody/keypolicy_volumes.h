/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The volumes of a key policy: its list of them, and where each is now. Functions return 0 or
 * -errno, and print the message unless they say otherwise.
 */
#pragma once

#include "custody/keypolicy.h"
#include "header/header.h"

/* Find the token of policy @uuid in @header, and the generation of the policy for which it was
 * wrapped. -ENOENT without a message: there is none. */
int keypolicy_token_find(const struct header *header, const char *uuid, int *ret_token,
			 uint32_t *ret_generation);

/* The place where a volume of a policy is now. */
struct keypolicy_place {
	char path[TOKEN_PATH_MAX + 1]; /* of the device, or of its last place where it is away */
	bool there;
	uint32_t generation; /* of the policy, in the header; 0: no token, or it is away */
};

/* Look for all volumes of @policy; the caller frees the array of n_volumes. It is no error where
 * one is away. */
int keypolicy_volumes_find(const struct keypolicy *policy, struct keypolicy_place **ret);

/* Return "current", "behind", "unassigned" or "away". */
const char *keypolicy_volume_state(const struct keypolicy *policy,
				   const struct keypolicy_place *volume);

/* One that a roll has not reached, of all that keypolicy_volumes_find() gave; or NULL. */
const struct keypolicy_place *keypolicy_volume_behind(const struct keypolicy *policy,
						      const struct keypolicy_place *volumes);

/* "suspended", "rolling" or "registered". */
const char *keypolicy_state(const struct keypolicy *policy, const struct keypolicy_place *volumes);

/*
 * Look for one volume, lock its header (device_lock()) until @ret_lock is closed, and open it.
 * @ret_path is its present place. -ENODEV: it is away.
 */
int keypolicy_volume_lock(const struct keypolicy_volume *volume, char ret_path[TOKEN_PATH_MAX + 1],
			  int *ret_lock, struct header **ret);

/* Add @volume to the list of @policy, or remove it from there. */
int keypolicy_list_volume(struct keypolicy *policy, struct keypolicy_volume *volume);
int keypolicy_unlist_volume(struct keypolicy *policy, struct keypolicy_volume *volume);
