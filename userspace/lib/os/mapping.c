// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making, describing and removing mappings with libdevmapper. */
#include <errno.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "base/util.h"
#include "os/mapping.h"

/* There while the kernel has device-mapper (drivers/md/dm-ioctl.c registers it under this name). */
#define DM_CLASS "/sys/class/misc/device-mapper"

DEFINE_CLEANUP(struct dm_task, dm_task_destroy)
#define _cleanup_task_ _cleanup_with_(dm_task_destroy)

/* libdevmapper's own messages go to --debug, since the functions here print what people read. */
static void _printf_(5, 6) dm_log(int level, const char *file, int line, int dm_errno_or_class,
				  const char *format, ...)
{
	char text[256];
	va_list args;

	(void)level, (void)file, (void)line, (void)dm_errno_or_class;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_debug("libdevmapper: %s", text);
}

/* NULL: the kernel does not answer, for libdevmapper asks for its version here. */
static struct dm_task *task_new(int type, const char *name)
{
	struct dm_task *task;

	dm_log_with_errno_init(dm_log);
	task = dm_task_create(type);
	if (task && name && !dm_task_set_name(task, name)) {
		dm_task_destroy(task);
		return NULL;
	}
	return task;
}

/*
 * Run @task. libdevmapper knows of no errno where it failed outside its ioctl, or cleaned up after
 * that; a failure is an error all the same.
 */
static int run(struct dm_task *task)
{
	int error;

	if (dm_task_run(task))
		return 0;
	error = dm_task_get_errno(task);
	return error ? -error : -EIO;
}

/* A kernel without device-mapper has none; one that has it and does not answer may have some. */
static bool has_no_mappings(void)
{
	return access(DM_CLASS, F_OK) < 0;
}

int mapping_target_version(const char *target, uint32_t ret[3])
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_LIST_VERSIONS, NULL);
	struct dm_versions *entry;

	if (!task || !dm_task_run(task))
		return -ENODEV;
	entry = dm_task_get_versions(task);
	for (;;) {
		if (!strcmp(entry->name, target)) {
			memcpy(ret, entry->version, sizeof(entry->version));
			return 0;
		}
		if (!entry->next)
			return -ENODEV;
		entry = (struct dm_versions *)((char *)entry + entry->next);
	}
}

int mapping_check_target(const char *target)
{
	uint32_t version[3];

	return mapping_target_version(target, version);
}

/* Return the table's parameters (docs/table-format.md), owned by the caller. */
static char *format_table(const struct mapping *m)
{
	char sector_size[32] = "", options[128] = "";
	const char *words[] = {
		m->allow_discards ? "allow_discards" : "",
		m->no_workqueues ? "no_read_workqueue" : "",
		m->no_workqueues ? "no_write_workqueue" : "",
		sector_size,
	};
	unsigned int n = 0;
	char *table;

	if (m->sector_size != 512)
		snprintf(sector_size, sizeof(sector_size), "sector_size:%" PRIu32, m->sector_size);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!*words[i])
			continue;
		n++;
		snprintf(options + strlen(options), sizeof(options) - strlen(options), " %s",
			 words[i]);
	}
	if (asprintf(&table, "%s :%" PRIu32 ":logon:%s %" PRIu64 " %u:%u %" PRIu64, m->cipher,
		     m->key_size, m->key_description, m->iv_offset, major(m->number),
		     minor(m->number), m->data_offset) < 0)
		return NULL;
	if (n) {
		_cleanup_free_ char *line = table;

		if (asprintf(&table, "%s %u%s", line, n, options) < 0)
			return NULL;
	}
	return table;
}

/* Run a task that makes udev act, and wait until it has. */
static int run_and_settle(struct dm_task *task)
{
	uint32_t cookie = 0;
	int r;

	if (!dm_task_set_cookie(task, &cookie, 0))
		return -ENOMEM;
	r = run(task);
	dm_udev_wait(cookie);
	return r;
}

static int remove_quietly(const char *name, bool deferred)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_REMOVE, name);

	if (!task)
		return -EIO;
	if (deferred)
		dm_task_deferred_remove(task);
	else
		dm_task_retry_remove(task); /* udev may still hold it open for a moment */
	return run_and_settle(task);
}

/* Give the mapping, which has no table yet, its own, and let it work. */
static int load_and_resume(const struct mapping *mapping, const char *table)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_RELOAD, mapping->name);
	int r;

	if (!task)
		return -EIO;
	if (!dm_task_add_target(task, 0, mapping->size, mapping->target, table) ||
	    (mapping->read_only && !dm_task_set_ro(task)))
		return -ENOMEM;
	r = run(task);
	return r < 0 ? r : mapping_resume(mapping->name);
}

/*
 * In three steps, as libdevmapper does by itself where a task to create has a table. There a
 * refusal is lost: it removes what it made, and what stays is the success of that.
 */
int mapping_create(const struct mapping *mapping)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_CREATE, mapping->name);
	_cleanup_free_ char *table = format_table(mapping);
	_cleanup_mapping_state_ struct mapping_state state = {0};
	int r;

	if (!table)
		return -ENOMEM;
	if (!task)
		return log_errno(EIO, "the kernel's device-mapper does not answer");
	if (mapping_query(mapping->name, &state) == 0)
		return log_errno(EEXIST, "the name %s is in use; choose another", mapping->name);
	if (!dm_task_set_uuid(task, mapping->uuid))
		return -ENOMEM;
	r = run(task);
	if (r < 0)
		return log_errno(-r, "the kernel does not make a mapping %s: %s", mapping->name,
				 strerror(-r));
	r = load_and_resume(mapping, table);
	if (r == 0)
		return 0;
	remove_quietly(mapping->name, false);
	if (r == -EBUSY)
		return log_errno(EBUSY, "%s is in use, or the volume is open under another name",
				 mapping->device);
	return log_errno(-r,
			 "the kernel refused the mapping %s of %s: %s; the kernel log says why "
			 "(dmesg)",
			 mapping->name, mapping->device, strerror(-r));
}

/* Read target type and parameters, from a table or a status ioctl. */
static int query_line(int type, const char *name, struct mapping_state *state, char **ret)
{
	_cleanup_task_ struct dm_task *task = task_new(type, name);
	struct dm_info info;
	uint64_t start, size;
	char *target = NULL, *params = NULL;
	int r = task ? run(task) : -EIO;

	if (r == -ENXIO || (r < 0 && has_no_mappings()))
		return -ENODEV;
	if (r == 0 && (!dm_task_get_info(task, &info) || !info.exists))
		return -ENODEV;
	if (r < 0)
		return r;
	dm_get_next_target(task, NULL, &start, &size, &target, &params);
	if (!state->uuid) {
		state->uuid = strdup(dm_task_get_uuid(task) ?: "");
		state->target = strdup(target ?: "");
		state->size = size;
		state->major = info.major;
		state->minor = info.minor;
		state->open_count = info.open_count;
		state->suspended = info.suspended;
		state->read_only = info.read_only;
	}
	*ret = strdup(params ?: "");
	return *ret && state->uuid && state->target ? 0 : -ENOMEM;
}

int mapping_query(const char *name, struct mapping_state *ret)
{
	_cleanup_mapping_state_ struct mapping_state state = {0};
	int r = query_line(DM_DEVICE_TABLE, name, &state, &state.table);

	if (r < 0)
		return r;
	r = query_line(DM_DEVICE_STATUS, name, &state, &state.status);
	if (r < 0)
		return r;
	*ret = steal_struct(state);
	return 0;
}

void mapping_state_free(struct mapping_state *state)
{
	free(state->uuid);
	free(state->table);
	free(state->status);
	free(state->target);
	*state = (struct mapping_state){0};
}

int mapping_suspend(const char *name)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_SUSPEND, name);

	return task ? run(task) : -EIO;
}

int mapping_resume(const char *name)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_RESUME, name);

	return task ? run_and_settle(task) : -EIO;
}

int mapping_fail(const char *name)
{
	_cleanup_task_ struct dm_task *reload = task_new(DM_DEVICE_RELOAD, name);
	_cleanup_task_ struct dm_task *suspend = task_new(DM_DEVICE_SUSPEND, name);
	_cleanup_mapping_state_ struct mapping_state state = {0};
	int r = mapping_query(name, &state);

	if (r < 0)
		return r;
	if (!reload || !suspend)
		return -EIO;
	if (!dm_task_add_target(reload, 0, state.size, "error", "") || !dm_task_no_flush(suspend) ||
	    !dm_task_skip_lockfs(suspend))
		return -ENOMEM;
	r = run(reload);
	if (r == 0)
		r = run(suspend);
	return r < 0 ? r : mapping_resume(name);
}

int mapping_message(const char *name, const char *message)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_TARGET_MSG, name);

	if (!task)
		return -EIO;
	if (!dm_task_set_sector(task, 0) || !dm_task_set_message(task, message))
		return -ENOMEM;
	return run(task);
}

/* Not every kernel's list ioctl gives UUIDs, so each mapping is asked for its own. */
static int each_uuid(const char *name, int (*each)(void *data, const char *name, const char *uuid),
		     void *data)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_INFO, name);
	struct dm_info info;
	int r = task ? run(task) : -EIO;

	if (r < 0 && r != -ENXIO)
		return log_errno(-r, "cannot ask the kernel about %s: %s", name, strerror(-r));
	if (r < 0 || !dm_task_get_info(task, &info) || !info.exists)
		return 0; /* gone meanwhile */
	return each(data, name, dm_task_get_uuid(task) ?: "");
}

bool mapping_may_list(void)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_LIST, NULL);
	int r = task ? run(task) : -EIO;

	if (r >= 0 || has_no_mappings())
		return true;
	/* Where the control node cannot be opened libdevmapper has no errno. */
	return !geteuid() && r != -EACCES && r != -EPERM;
}

int mapping_list(int (*each)(void *data, const char *name, const char *uuid), void *data)
{
	_cleanup_task_ struct dm_task *task = task_new(DM_DEVICE_LIST, NULL);
	struct dm_names *entry;
	int r = task ? run(task) : -EIO;

	if (r < 0)
		return has_no_mappings()
			       ? 0
			       : log_errno(-r, "cannot list the mappings: %s", strerror(-r));
	entry = dm_task_get_names(task);
	while (entry->dev) {
		r = each_uuid(entry->name, each, data);

		if (r || !entry->next)
			return r;
		entry = (struct dm_names *)((char *)entry + entry->next);
	}
	return 0;
}

static int remove_mapping(const char *name, bool deferred)
{
	int r = remove_quietly(name, deferred);

	if (r == -EBUSY)
		return log_errno(EBUSY, "%s is in use: unmount it first", name);
	if (r < 0)
		return log_errno(-r, "cannot remove the mapping %s: %s", name, strerror(-r));
	return 0;
}

int mapping_remove(const char *name)
{
	return remove_mapping(name, false);
}

int mapping_remove_deferred(const char *name)
{
	return remove_mapping(name, true);
}
