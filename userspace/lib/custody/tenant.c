// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing the records of tenants. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "custody/tenant.h"
#include "os/state.h"

#define DIRECTORY "tenants"
#define TYPE	  "fve-tenant"

void tenant_free(struct tenant *tenant)
{
	free(tenant->purge.request);
	for (size_t i = 0; i < tenant->purge.n_approvals; i++)
		blob_free(&tenant->purge.approvals[i]);
	*tenant = (struct tenant){0};
}

static void approvals_member(struct members *m, struct tenant_purge *purge)
{
	struct json_object *array =
		member_array(m, "approvals", &purge->n_approvals, KEYPOLICY_APPROVALS);

	for (size_t i = 0; i < purge->n_approvals; i++) {
		_cleanup_free_ char *cms = m->writing ? base64_encode(&purge->approvals[i]) : NULL;
		const char *text = element_text(m, array, i, cms);
		int error = m->writing ? 0 : base64_decode(text, &purge->approvals[i]);

		if (error)
			members_fail(m, error == -ENOMEM ? error : -EBADMSG);
	}
}

static void purge_members(struct members *outer, struct tenant_purge *purge)
{
	struct members m = member_object(outer, "purge");

	if (m.writing)
		members_put_text(&m, "request", purge->request);
	else if (!(purge->request = strdup(members_take_text(&m, "request"))))
		members_fail(&m, -ENOMEM);
	member_time(&m, "until", purge->until);
	approvals_member(&m, purge);
	member_end(outer, &m);
}

static void tenant_members(struct members *m, void *data)
{
	struct tenant *tenant = data;

	member_text(m, "name", tenant->name, sizeof(tenant->name));
	member_uuid(m, "uuid", tenant->uuid);
	member_text(m, "device", tenant->path, sizeof(tenant->path));
	member_uuid(m, "policy", tenant->policy);
	if (member_is_there(m, "availability", *tenant->availability))
		member_text(m, "availability", tenant->availability, sizeof(tenant->availability));
	if (member_is_there(m, "created", *tenant->created))
		member_time(m, "created", tenant->created);
	if (member_is_there(m, "purge", tenant->purge.request))
		purge_members(m, &tenant->purge);
	if (member_is_there(m, "purged", *tenant->purged))
		member_time(m, "purged", tenant->purged);
}

int tenant_parse(const char *json, struct tenant *ret)
{
	*ret = (struct tenant){0};
	return members_parse(json, TYPE, tenant_members, ret);
}

char *tenant_format(const struct tenant *tenant)
{
	struct tenant copy = *tenant;

	return members_format(TYPE, tenant_members, &copy);
}

int tenant_load(const char *name, struct tenant *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = state_read_record("tenant", DIRECTORY, name, TENANT_NAME_MAX, &text);

	if (r < 0)
		return r;
	r = tenant_parse(text, ret);
	if (r == 0 && !strcmp(ret->name, name))
		return 0;
	tenant_free(ret);
	return log_errno(r < 0 ? -r : EBADMSG,
			 "%s/" DIRECTORY "/%s" STATE_SUFFIX " is damaged or of a newer version",
			 state_directory(), name);
}

int tenant_check_name(const char *name)
{
	return state_check_name("tenant", name, TENANT_NAME_MAX);
}

bool tenant_exists(const char *name)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, name), *text = NULL;

	/* A record that cannot be read exists, too. */
	return !file || state_read(file, &text) != -ENOENT;
}

int tenant_begin(const struct tenant *tenant)
{
	_cleanup_close_ int lock = -1;
	int r = state_lock(&lock);

	if (r < 0)
		return r;
	if (tenant_exists(tenant->name))
		return log_errno(EEXIST, "there is a tenant %s already", tenant->name);
	return tenant_save(tenant);
}

int tenant_remove(const struct tenant *tenant)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, tenant->name);

	return file ? state_remove(file) : -ENOMEM;
}

int tenant_save(const struct tenant *tenant)
{
	_cleanup_free_ char *file = state_record(DIRECTORY, tenant->name),
			    *text = tenant_format(tenant);

	return file && text ? state_write(file, text) : -ENOMEM;
}

int tenant_each(int (*each)(void *data, const char *name), void *data)
{
	return state_each(DIRECTORY, STATE_SUFFIX, each, data);
}
