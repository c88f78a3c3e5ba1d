// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Each refusal by device-mapper is an error, also where libdevmapper has forgotten its errno. The
 * functions of libdevmapper that mapping.c calls are here: a kernel of one device, in which the
 * task of one type fails.
 */
#include <errno.h>
#include <libdevmapper.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "os/mapping.h"
#include "test.h"

struct dm_task {
	int type, error;
};

static struct {
	bool made;	/* the device is there */
	bool live;	/* and has a table that works */
	int fails;	/* the type of the task that fails; -1: none */
	int error;	/* which libdevmapper gives then; 0: it has forgotten it */
	bool read_only; /* what the table was loaded as */
	char table[256];
} dm;

struct dm_task *dm_task_create(int type)
{
	struct dm_task *task = calloc(1, sizeof(*task));

	task->type = type;
	return task;
}

void dm_task_destroy(struct dm_task *dmt)
{
	free(dmt);
}

int dm_task_run(struct dm_task *dmt)
{
	if (dmt->type == dm.fails) {
		dmt->error = dm.error;
		return 0;
	}
	switch (dmt->type) {
	case DM_DEVICE_CREATE:
		dm.made = true;
		break;
	case DM_DEVICE_RESUME:
		dm.live = true;
		break;
	case DM_DEVICE_REMOVE:
		dm.made = dm.live = false;
		break;
	case DM_DEVICE_TABLE:
		dmt->error = dm.made ? 0 : ENXIO;
		break;
	}
	return !dmt->error;
}

int dm_task_get_errno(struct dm_task *dmt)
{
	return dmt->error;
}

int dm_task_get_info(struct dm_task *dmt, struct dm_info *dmi)
{
	(void)dmt;
	*dmi = (struct dm_info){.exists = dm.made};
	return 1;
}

int dm_task_add_target(struct dm_task *dmt, uint64_t start, uint64_t size, const char *ttype,
		       const char *params)
{
	(void)dmt, (void)start, (void)size, (void)ttype;
	snprintf(dm.table, sizeof(dm.table), "%s", params);
	return 1;
}

int dm_task_set_ro(struct dm_task *dmt)
{
	dm.read_only = dmt->type == DM_DEVICE_RELOAD;
	return 1;
}

void *dm_get_next_target(struct dm_task *dmt, void *next, uint64_t *start, uint64_t *length,
			 char **target_type, char **params)
{
	(void)dmt, (void)next, (void)target_type, (void)params;
	*start = *length = 0;
	return NULL;
}

int dm_task_set_name(struct dm_task *dmt, const char *name)
{
	return dmt && name;
}

int dm_task_set_uuid(struct dm_task *dmt, const char *uuid)
{
	return dmt && uuid;
}

int dm_task_set_cookie(struct dm_task *dmt, uint32_t *cookie, uint16_t flags)
{
	(void)flags;
	return dmt && cookie;
}

int dm_task_set_message(struct dm_task *dmt, const char *message)
{
	return dmt && message;
}

int dm_task_set_sector(struct dm_task *dmt, uint64_t sector)
{
	return dmt && !sector;
}

int dm_task_no_flush(struct dm_task *dmt)
{
	return !!dmt;
}

int dm_task_skip_lockfs(struct dm_task *dmt)
{
	return !!dmt;
}

int dm_task_retry_remove(struct dm_task *dmt)
{
	return !!dmt;
}

int dm_task_deferred_remove(struct dm_task *dmt)
{
	return !!dmt;
}

const char *dm_task_get_uuid(const struct dm_task *dmt)
{
	return dmt ? "FVE-" : NULL;
}

int dm_udev_wait(uint32_t cookie)
{
	return cookie == 0;
}

void dm_log_with_errno_init(dm_log_with_errno_fn fn)
{
	(void)fn;
}

static struct mapping mapping = {
	.target = "fve",
	.name = "data",
	.uuid = "FVE-0-data",
	.device = "/dev/a b",
	.cipher = "aes-xts-plain64",
	.key_description = "fve:x",
	.key_size = 64,
	.sector_size = 512,
	.size = 8,
};

/* @forgotten: the errno of the refusal is not known any more. */
static void refusal(int type, bool forgotten)
{
	dm.made = dm.live = false;
	dm.fails = type;
	dm.error = forgotten ? 0 : EINVAL;
	CHECK(mapping_create(&mapping) == (forgotten ? -EIO : -EINVAL));
	CHECK(!dm.made);
}

static void creating(void)
{
	static const int steps[] = {DM_DEVICE_CREATE, DM_DEVICE_RELOAD, DM_DEVICE_RESUME};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		refusal(steps[i], false);
		refusal(steps[i], true);
	}
	dm.fails = DM_DEVICE_RELOAD;
	dm.error = EBUSY;
	CHECK(mapping_create(&mapping) == -EBUSY);
	CHECK(!dm.made);

	/* A blank in the path is none in the table. */
	dm.fails = -1;
	mapping.number = makedev(7, 3);
	mapping.read_only = true;
	CHECK(mapping_create(&mapping) == 0);
	CHECK(dm.live && dm.read_only);
	CHECK(!strcmp(dm.table, "aes-xts-plain64 :64:logon:fve:x 0 7:3 0"));
	CHECK(mapping_create(&mapping) == -EEXIST);
	CHECK(dm.live);
}

static void others(void)
{
	dm.made = dm.live = true;
	dm.error = 0;
	dm.fails = DM_DEVICE_SUSPEND;
	CHECK(mapping_suspend("data") == -EIO);
	CHECK(mapping_fail("data") == -EIO);
	dm.fails = DM_DEVICE_RELOAD;
	CHECK(mapping_fail("data") == -EIO);
	dm.fails = DM_DEVICE_RESUME;
	CHECK(mapping_resume("data") == -EIO);
	CHECK(mapping_fail("data") == -EIO);
	dm.fails = DM_DEVICE_TARGET_MSG;
	CHECK(mapping_message("data", "key wipe") == -EIO);
	dm.fails = DM_DEVICE_REMOVE;
	CHECK(mapping_remove("data") == -EIO);
	CHECK(mapping_remove_deferred("data") == -EIO);
	CHECK(dm.live);
}

/* Where device-mapper is, the kernel tells root alone. */
static void listing(void)
{
	dm.error = EACCES;
	dm.fails = DM_DEVICE_LIST;
	CHECK(mapping_may_list() == (access("/sys/class/misc/device-mapper", F_OK) < 0));
	dm.fails = -1;
	CHECK(mapping_may_list());
}

int main(void)
{
	creating();
	others();
	listing();
	return test_done();
}
