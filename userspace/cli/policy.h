/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the policy actions share. */
#ifndef FVE_CLI_POLICY_H
#define FVE_CLI_POLICY_H

#include "cli/cli.h"
#include "custody/keypolicy.h"

/* Where a volume of a policy is now. */
struct cli_policy_volume {
	char path[TOKEN_PATH_MAX + 1]; /* of the device; where it was, when it is not there */
	bool there;
	uint32_t generation; /* of the policy, in its header; 0: it has none, or is not there */
};

/* Look for all volumes of @policy; the caller frees the array. No message for one that is away. */
int cli_policy_volumes(const struct keypolicy *policy, struct cli_policy_volume **ret);

/* "current", "behind", "unassigned" or "away". */
const char *cli_policy_volume_state(const struct keypolicy *policy,
				    const struct cli_policy_volume *volume);

/* Have @root unwrap the policy's proof. With a message. */
int cli_policy_prove(const struct keypolicy *policy, enum wrap_key root);

/* A certificate or signed message. With a message. */
int cli_read_small(const char *path, struct blob *ret);

/* -EPERM with a message. */
int cli_policy_refuse_suspended(const struct keypolicy *policy);

/* Note that @volume is of @policy, or is not any more. */
int cli_policy_list_volume(struct keypolicy *policy, struct keypolicy_volume *volume);
int cli_policy_unlist_volume(struct keypolicy *policy, struct keypolicy_volume *volume);

#endif
