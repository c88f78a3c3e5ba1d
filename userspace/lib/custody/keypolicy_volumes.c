// SPDX-License-Identifier: LGPL-2.1-or-later
/* Finding the volumes of a key policy, and changing its list of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "custody/keypolicy_volumes.h"
#include "os/device.h"

int keypolicy_token_find(const struct header *header, const char *uuid, int *ret_token,
			 uint32_t *ret_generation)
{
	struct header_token found = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_CUSTOMER, &found)) {
		_cleanup_token_customer_ struct token_customer token = {0};

		if (token_customer_parse(found.json, &token) < 0 || strcmp(token.policy, uuid))
			continue;
		*ret_token = found.number;
		*ret_generation = token.policy_generation;
		return 0;
	}
	return -ENOENT;
}

/*
 * Return whether the volume @uuid is at @path, and open its header. No message: something else may
 * have the path by now.
 */
static bool is_at(const char *path, const char *uuid, struct header **ret)
{
	_cleanup_header_ struct header *header = NULL;

	if (header_try(path, &header) < 0 || strcmp(header_uuid(header), uuid))
		return false;
	*ret = steal(header);
	return true;
}

/* Look where the volume was when it was assigned, then where udev finds its UUID. -ENODEV without a
 * message. */
static int find_volume(const struct keypolicy_volume *volume, char ret_path[TOKEN_PATH_MAX + 1],
		       struct header **ret)
{
	strcpy(ret_path, volume->path);
	if (is_at(ret_path, volume->uuid, ret))
		return 0;
	snprintf(ret_path, TOKEN_PATH_MAX + 1, "/dev/disk/by-uuid/%s", volume->uuid);
	if (is_at(ret_path, volume->uuid, ret))
		return 0;
	strcpy(ret_path, volume->path);
	return -ENODEV;
}

int keypolicy_volumes_find(const struct keypolicy *policy, struct keypolicy_place **ret)
{
	struct keypolicy_place *volumes = calloc(policy->n_volumes + 1, sizeof(*volumes));

	if (!volumes)
		return -ENOMEM;
	for (size_t i = 0; i < policy->n_volumes; i++) {
		_cleanup_header_ struct header *header = NULL;
		int token;

		if (find_volume(&policy->volumes[i], volumes[i].path, &header) < 0)
			continue;
		volumes[i].there = true;
		if (keypolicy_token_find(header, policy->uuid, &token, &volumes[i].generation) < 0)
			volumes[i].generation = 0;
	}
	*ret = volumes;
	return 0;
}

const char *keypolicy_volume_state(const struct keypolicy *policy,
				   const struct keypolicy_place *volume)
{
	if (!volume->there)
		return "away";
	if (!volume->generation)
		return "unassigned";
	return volume->generation == policy->generation ? "current" : "behind";
}

const struct keypolicy_place *keypolicy_volume_behind(const struct keypolicy *policy,
						      const struct keypolicy_place *volumes)
{
	for (size_t i = 0; i < policy->n_volumes; i++)
		if (volumes[i].generation && volumes[i].generation < policy->generation)
			return &volumes[i];
	return NULL;
}

const char *keypolicy_state(const struct keypolicy *policy, const struct keypolicy_place *volumes)
{
	if (*policy->suspended)
		return "suspended";
	return keypolicy_volume_behind(policy, volumes) ? "rolling" : "registered";
}

static int not_found(const struct keypolicy_volume *volume)
{
	return log_errno(ENODEV, "volume %s is not at %s, nor known to udev", volume->uuid,
			 volume->path);
}

int keypolicy_volume_lock(const struct keypolicy_volume *volume, char ret_path[TOKEN_PATH_MAX + 1],
			  int *ret_lock, struct header **ret)
{
	_cleanup_header_ struct header *before = NULL;
	int r;

	if (find_volume(volume, ret_path, &before) < 0)
		return not_found(volume);
	r = device_lock(ret_path, DEVICE_TO_CHANGE, ret_lock);
	if (r < 0)
		return r;
	return is_at(ret_path, volume->uuid, ret) ? 0 : not_found(volume);
}

static int list_volume(struct keypolicy *policy, void *data)
{
	const struct keypolicy_volume *volume = data;
	struct keypolicy_volume *volumes;
	size_t i;

	for (i = 0; i < policy->n_volumes; i++)
		if (!strcmp(policy->volumes[i].uuid, volume->uuid))
			break;
	if (i == KEYPOLICY_VOLUMES_MAX)
		return log_errno(ENOSPC, "policy %s has %d volumes, and takes no more",
				 policy->name, KEYPOLICY_VOLUMES_MAX);
	volumes = realloc(policy->volumes, (i + 1 > policy->n_volumes ? i + 1 : policy->n_volumes) *
						   sizeof(*volumes));
	if (!volumes)
		return -ENOMEM;
	policy->volumes = volumes;
	policy->volumes[i] = *volume;
	if (i == policy->n_volumes)
		policy->n_volumes++;
	return 0;
}

static int unlist_volume(struct keypolicy *policy, void *data)
{
	const struct keypolicy_volume *volume = data;

	for (size_t i = 0; i < policy->n_volumes; i++)
		if (!strcmp(policy->volumes[i].uuid, volume->uuid)) {
			policy->n_volumes--;
			memmove(&policy->volumes[i], &policy->volumes[i + 1],
				(policy->n_volumes - i) * sizeof(policy->volumes[0]));
			break;
		}
	return 0;
}

int keypolicy_list_volume(struct keypolicy *policy, struct keypolicy_volume *volume)
{
	return keypolicy_update(policy, list_volume, volume);
}

int keypolicy_unlist_volume(struct keypolicy *policy, struct keypolicy_volume *volume)
{
	return keypolicy_update(policy, unlist_volume, volume);
}
