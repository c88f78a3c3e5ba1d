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
#define SUFFIX	  ".json"
#define TYPE	  "fve-tenant"

void tenant_free(struct tenant *tenant)
{
	free(tenant->purge.request);
	for (size_t i = 0; i < tenant->purge.n_approvals; i++)
		blob_free(&tenant->purge.approvals[i]);
	*tenant = (struct tenant){0};
}

static int purge_parse(struct json_object *object, struct tenant_purge *ret)
{
	struct reader r = {.object = object};
	struct json_object *approvals;
	const char *request = reader_string(&r, "request");

	ret->request = strdup(request);
	if (!ret->request)
		return -ENOMEM;
	reader_time(&r, "until", ret->until);
	approvals = reader_take(&r, "approvals", json_type_array);
	if (reader_close(&r) < 0)
		return r.error;
	if (json_object_array_length(approvals) > KEYPOLICY_APPROVALS)
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(approvals); i++) {
		struct json_object *text = json_object_array_get_idx(approvals, i);
		int error;

		if (!json_object_is_type(text, json_type_string))
			return -EBADMSG;
		error = base64_decode(json_object_get_string(text), &ret->approvals[i]);
		if (error < 0)
			return error == -ENOMEM ? error : -EBADMSG;
		ret->n_approvals++;
	}
	return 0;
}

int tenant_parse(const char *json, struct tenant *ret)
{
	_cleanup_tenant_ struct tenant tenant = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);
	struct json_object *purge = NULL;

	if (!root)
		return r.error;
	if (strcmp(r.type, TYPE))
		reader_fail(&r, -EBADMSG);
	reader_text(&r, "name", tenant.name, sizeof(tenant.name));
	reader_uuid(&r, "uuid", tenant.uuid);
	reader_text(&r, "device", tenant.path, sizeof(tenant.path));
	reader_uuid(&r, "policy", tenant.policy);
	if (json_object_object_get_ex(root, "availability", NULL))
		reader_text(&r, "availability", tenant.availability, sizeof(tenant.availability));
	if (json_object_object_get_ex(root, "created", NULL))
		reader_time(&r, "created", tenant.created);
	if (json_object_object_get_ex(root, "purge", NULL))
		purge = reader_take(&r, "purge", json_type_object);
	if (json_object_object_get_ex(root, "purged", NULL))
		reader_time(&r, "purged", tenant.purged);
	if (reader_close(&r) < 0)
		return r.error;
	if (purge) {
		r.error = purge_parse(purge, &tenant.purge);
		if (r.error < 0)
			return r.error;
	}
	*ret = tenant;
	tenant = (struct tenant){0};
	return 0;
}

static struct json_object *purge_format(const struct tenant_purge *purge)
{
	struct writer w = {.object = json_object_new_object()};
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < purge->n_approvals; i++) {
		_cleanup_free_ char *text = base64_encode(&purge->approvals[i]);
		struct json_object *one = text ? json_object_new_string(text) : NULL;

		if (one && json_object_array_add(array, one) == 0)
			continue;
		json_object_put(one);
		json_object_put(array);
		array = NULL;
	}
	writer_string(&w, "request", purge->request);
	writer_string(&w, "until", purge->until);
	writer_put(&w, "approvals", array);
	if (!w.failed)
		return w.object;
	json_object_put(w.object);
	return NULL;
}

char *tenant_format(const struct tenant *tenant)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "type", TYPE);
	writer_number(&w, "version", 1);
	writer_string(&w, "name", tenant->name);
	writer_string(&w, "uuid", tenant->uuid);
	writer_string(&w, "device", tenant->path);
	writer_string(&w, "policy", tenant->policy);
	if (*tenant->availability)
		writer_string(&w, "availability", tenant->availability);
	if (*tenant->created)
		writer_string(&w, "created", tenant->created);
	if (tenant->purge.request)
		writer_put(&w, "purge", purge_format(&tenant->purge));
	if (*tenant->purged)
		writer_string(&w, "purged", tenant->purged);
	return writer_close(&w);
}

static char *file_of(const char *name)
{
	char *file;

	return asprintf(&file, DIRECTORY "/%s" SUFFIX, name) < 0 ? NULL : file;
}

static int parse_named(const char *text, const char *name, struct tenant *ret)
{
	int r = tenant_parse(text, ret);

	if (r < 0 || !strcmp(ret->name, name))
		return r;
	tenant_free(ret);
	return -EBADMSG;
}

int tenant_load(const char *name, struct tenant *ret)
{
	_cleanup_free_ char *file = NULL, *text = NULL;
	int r = tenant_check_name(name);

	if (r < 0)
		return r;
	file = file_of(name);
	r = file ? state_read(file, &text) : -ENOMEM;
	if (r == -ENOENT)
		return log_errno(ENOENT, "there is no tenant %s; see: fvesetup tenant list", name);
	if (r < 0)
		return r;
	r = parse_named(text, name, ret);
	return r < 0 ? log_errno(-r, "%s/%s is damaged or of a newer version", state_directory(),
				 file)
		     : 0;
}

int tenant_check_name(const char *name)
{
	return state_check_name("tenant", name, TENANT_NAME_MAX);
}

bool tenant_exists(const char *name)
{
	_cleanup_free_ char *file = file_of(name), *text = NULL;

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
	_cleanup_free_ char *file = file_of(tenant->name);

	return file ? state_remove(file) : -ENOMEM;
}

int tenant_save(const struct tenant *tenant)
{
	_cleanup_free_ char *file = file_of(tenant->name), *text = tenant_format(tenant);

	return file && text ? state_write(file, text) : -ENOMEM;
}

int tenant_each(int (*each)(void *data, const char *name), void *data)
{
	return state_each(DIRECTORY, SUFFIX, each, data);
}
