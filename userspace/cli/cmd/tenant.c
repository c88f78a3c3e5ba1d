// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup tenant open|close|list|assign' actions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/signals.h"
#include "cli/object.h"
#include "cli/table.h"
#include "cli/tenant.h"
#include "custody/keypolicy_volumes.h"
#include "keys/vmk.h"
#include "os/device.h"
#include "os/loop.h"
#include "os/storage.h"
#include "protector/customer.h"

/* --- open and close --------------------------------------------------------------------------- */

/* The volume at @device, opened by a root of its policy, or by what --availability-key brings. */
static int unlock_tenant(const struct args *args, const struct tenant *tenant, const char *device,
			 struct header **ret_header, struct secret **ret_fvek,
			 struct protector *ret_protector)
{
	_cleanup_secret_ struct secret *availability = NULL;
	struct refusal refusal = {0};
	uint32_t generation;
	int r = header_load(device, ret_header);

	if (r < 0)
		return r;
	if (strcmp(header_uuid(*ret_header), tenant->uuid))
		return log_errno(ENODEV, "%s holds another volume than that of tenant %s", device,
				 tenant->name);
	if (args->unlock.availability_key)
		r = cli_read_availability_key(args->unlock.availability_key, &availability);
	if (r < 0)
		return r;
	r = protector_customer_find(*ret_header, tenant->policy, ret_protector, &generation);
	if (r < 0)
		return log_errno(-r, "%s has no protector of its policy", device);
	r = protector_customer_open(*ret_header, ret_protector, args->unlock.tcti, availability,
				    ret_fvek, &refusal);
	if (r == 0)
		r = unlock_check_header(*ret_header, *ret_fvek, &refusal);
	if (r < 0) {
		cli_show_refusal(args->unlock.event_log, ret_protector, &refusal);
		return log_errno(-r, "tenant %s was not opened", tenant->name);
	}
	return 0;
}

static int cmd_tenant_open(const struct args *args)
{
	const struct volume_flags flags = {
		.read_only = args->read_only,
		.allow_discards = args->allow_discards,
		.target = args->target,
	};
	_cleanup_tenant_ struct tenant tenant = {0};
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_free_ char *device = NULL;
	_cleanup_close_ int lock = -1, loop = -1;
	struct protector protector;
	int r = cli_tenant_load(args->operand[0], &tenant);

	if (r < 0)
		return r;
	r = device_lock(tenant.path, DEVICE_TO_READ, &lock);
	if (r < 0)
		return r;
	if (cli_tenant_is_open(tenant.name))
		return log_errno(EEXIST, "tenant %s is open already", tenant.name);
	if (storage_number(tenant.path)) {
		device = strdup(tenant.path);
		r = device ? 0 : -ENOMEM;
	} else {
		r = loop_attach(tenant.path, args->read_only, &device, &loop);
	}
	if (r == 0)
		r = unlock_tenant(args, &tenant, device, &header, &fvek, &protector);
	return r < 0 ? r : volume_open(header, fvek, tenant.name, &flags);
}

ACTION(tenant_open, "Tenants", "tenant open", "<name>", "map it as /dev/mapper/<name>",
       "Have a root unwrap the tenant's key, and map its volume as /dev/mapper/<name>.",
       OPT_AVAILABILITY_KEY, OPT_TARGET, OPT_READ_ONLY, OPT_ALLOW_DISCARDS, OPT_TPM);

static int cmd_tenant_close(const struct args *args)
{
	_cleanup_tenant_ struct tenant tenant = {0};
	int r = tenant_load(args->operand[0], &tenant);

	return r < 0 ? r : volume_close(tenant.name);
}

ACTION(tenant_close, "Tenants", "tenant close", "<name>", "remove the mapping and its key",
       "Remove the mapping, and its key from the kernel.", OPT_END);

/* --- list ------------------------------------------------------------------------------------- */

static const char *state_of(const struct tenant *tenant)
{
	if (!*tenant->created)
		return "creating";
	if (*tenant->purged)
		return "purged";
	if (tenant->purge.request)
		return "purge-pending";
	if (!cli_tenant_is_open(tenant->name))
		return "closed";
	return volume_is_revoked(tenant->name) ? "revoked" : "open";
}

struct listing {
	struct json_object *array; /* NULL: text */
	int result;
};

static int list_one(void *data, const char *name)
{
	struct listing *listing = data;
	_cleanup_tenant_ struct tenant tenant = {0};
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	struct json_object *o;
	int r = tenant_load(name, &tenant);

	if (r < 0) {
		listing->result = r;
		return 0;
	}
	/* The policy may be gone; the tenant is shown all the same. */
	if (keypolicy_find(tenant.policy, &policy) < 0)
		strcpy(policy.name, "?");
	if (!listing->array) {
		printf("%-20s %-13s %-16s %s\n", tenant.name, state_of(&tenant), policy.name,
		       tenant.path);
		return 0;
	}
	o = json_object_new_object();
	object_text(o, "name", tenant.name);
	object_text(o, "uuid", tenant.uuid);
	object_text(o, "device", tenant.path);
	object_text(o, "policy", policy.name);
	object_text(o, "state", state_of(&tenant));
	object_known(o, "created", tenant.created);
	object_text(o, "purge_until", tenant.purge.request ? tenant.purge.until : NULL);
	object_number(o, "purge_approvals", tenant.purge.n_approvals);
	object_known(o, "purged", tenant.purged);
	json_object_array_add(listing->array, o);
	return 0;
}

static int cmd_tenant_list(const struct args *args)
{
	struct listing listing = {.array = args->json ? json_object_new_array() : NULL};
	int r;

	if (!args->json)
		printf("%-20s %-13s %-16s %s\n", "NAME", "STATE", "POLICY", "DEVICE");
	r = tenant_each(list_one, &listing);
	if (args->json && r == 0) {
		r = object_print_list("tenants", listing.array);
	}
	return r < 0 ? r : listing.result;
}

ACTION(tenant_list, "Tenants", "tenant list", "", "show all tenants",
       "Show all tenants of this machine: open, closed, purge-pending or purged; revoked: its key was "
       "taken, and somebody still has the mapping open.",
       OPT_JSON);

/* --- assign ----------------------------------------------------------------------------------- */

/* Under both policies for a moment, and never under none. */
static int move(const struct args *args, struct tenant *tenant, struct keypolicy *from,
		struct keypolicy *to)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_customer_tenant_ struct customer_tenant what = {0};
	struct keypolicy_volume volume = {0};
	struct protector old;
	int r = unlock_tenant(args, tenant, tenant->path, &header, &fvek, &old);

	if (r < 0)
		return r;
	r = protector_customer_tenant(header, fvek, &old, &what);
	if (r < 0)
		return log_errno(-r, "the volume of %s is no tenant's", tenant->name);
	strcpy(volume.uuid, tenant->uuid);
	strcpy(volume.path, tenant->path);
	signals_hold();
	r = keypolicy_list_volume(to, &volume);
	if (r < 0)
		return r;
	r = protector_customer_set(header, fvek, to, &what, 0);
	if (r < 0)
		return r;
	strcpy(tenant->policy, to->uuid);
	r = tenant_save(tenant);
	if (r < 0)
		return r;
	r = protector_remove(header, fvek, &old, PROTECTOR_LAST_GOES);
	if (r < 0)
		return r;
	r = keypolicy_unlist_volume(from, &volume);
	return r < 0 ? r
		     : keypolicy_audit(to, args->unlock.tcti, "tenant-assigned", tenant->uuid,
				       from->name);
}

static int cmd_tenant_assign(const struct args *args)
{
	_cleanup_tenant_ struct tenant tenant = {0};
	_cleanup_keypolicy_ struct keypolicy from = {0}, to = {0};
	_cleanup_close_ int lock = -1;
	int r;

	if (!args->policy)
		return log_errno(EINVAL, "tenant assign needs --policy");
	r = cli_tenant_load(args->operand[0], &tenant);
	if (r < 0)
		return r;
	if (tenant.purge.request)
		return log_errno(EBUSY,
				 "the purge of %s is asked for; first: fvesetup tenant purge %s "
				 "--cancel",
				 tenant.name, tenant.name);
	r = keypolicy_load_active(args->policy, &to);
	if (r < 0)
		return r;
	if (!strcmp(to.uuid, tenant.policy))
		return 0;
	r = keypolicy_find(tenant.policy, &from);
	if (r == -ENOENT)
		return log_errno(ENOENT, "the policy of %s is not there any more", tenant.name);
	if (r == 0)
		r = device_lock(tenant.path, DEVICE_TO_CHANGE, &lock);
	return r < 0 ? r : move(args, &tenant, &from, &to);
}

ACTION(tenant_assign, "Tenants", "tenant assign", "<name>", "put it under another policy",
       "Open a tenant's volume by a root of its policy, and put it under --policy instead. Its data "
       "is not written.",
       OPT_POLICY, OPT_TPM);
