// SPDX-License-Identifier: LGPL-2.1-or-later
/* Walking the stack of block devices in sysfs (sysfs-block and sysfs-block-dm of the kernel's ABI
 * documents). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "os/mapping.h"
#include "os/mounts.h"
#include "os/storage.h"

#define DEPTH_MAX 16 /* of a stack of devices; more is a loop */

dev_t storage_number(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}

char *storage_name(unsigned int major, unsigned int minor)
{
	char link[48], target[256], *text;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return NULL;
	target[n] = '\0';
	return asprintf(&text, "/dev/%s", basename(target)) < 0 ? NULL : text;
}

/* Return "/sys/dev/block/8:1/<rest>", owned by the caller. */
static char *sysfs_path(dev_t device, const char *rest)
{
	char *path;

	if (asprintf(&path, "/sys/dev/block/%u:%u/%s", major(device), minor(device), rest) < 0)
		return NULL;
	return path;
}

/* Read the first line of an attribute; "" where it cannot be read. */
static void read_attribute(dev_t device, const char *name, char *ret, size_t size)
{
	_cleanup_free_ char *path = sysfs_path(device, name);
	_cleanup_file_ FILE *file = path ? fopen(path, "re") : NULL;

	*ret = '\0';
	if (file && !fgets(ret, (int)size, file))
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

bool storage_is(dev_t device, const char *path)
{
	struct stat st, backing;
	char file[PATH_MAX];

	if (stat(path, &st) < 0)
		return false;
	if (S_ISBLK(st.st_mode))
		return st.st_rdev == device;
	read_attribute(device, "loop/backing_file", file, sizeof(file));
	return *file && stat(file, &backing) == 0 && st.st_dev == backing.st_dev &&
	       st.st_ino == backing.st_ino;
}

static dev_t parse_device(const char *text)
{
	unsigned int major, minor;

	return sscanf(text, "%u:%u", &major, &minor) == 2 ? makedev(major, minor) : 0;
}

/* The answer of one device to the question that a walk down the stack asks. */
enum verdict {
	STOP_YES,
	STOP_NO,
	GO_ON, /* ask what lies below */
};

struct walk {
	enum verdict (*ask)(dev_t device, void *data);
	void *data;
	bool all;    /* every way down has to answer yes; else one is enough */
	bool bottom; /* the answer of a device that has nothing below it */
};

static bool walk_down(const struct walk *walk, dev_t device, int depth);

static bool walk_slaves(const struct walk *walk, dev_t device, int depth)
{
	_cleanup_free_ char *path = sysfs_path(device, "slaves");
	_cleanup_dir_ DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	bool any = false;

	while (dir && (entry = readdir(dir))) {
		char name[sizeof("slaves//dev") + 256], number[24];
		bool yes;

		if (*entry->d_name == '.')
			continue;
		snprintf(name, sizeof(name), "slaves/%s/dev", entry->d_name);
		read_attribute(device, name, number, sizeof(number));
		any = true;
		yes = walk_down(walk, parse_device(number), depth + 1);
		if (yes != walk->all)
			return yes;
	}
	return any ? walk->all : walk->bottom;
}

static bool walk_down(const struct walk *walk, dev_t device, int depth)
{
	char number[24];

	switch (walk->ask(device, walk->data)) {
	case STOP_YES:
		return true;
	case STOP_NO:
		return false;
	case GO_ON:
		break;
	}
	if (!device || depth > DEPTH_MAX)
		return walk->bottom;
	/* A partition's directory lies in its disk's. */
	read_attribute(device, "partition", number, sizeof(number));
	if (*number) {
		read_attribute(device, "../dev", number, sizeof(number));
		return walk_down(walk, parse_device(number), depth + 1);
	}
	return walk_slaves(walk, device, depth);
}

static enum verdict ask_encrypts(dev_t device, void *data)
{
	/* libcryptsetup's mappings that do not encrypt are not listed, and neither is anything
	 * else. */
	static const char *const encrypting[] = {MAPPING_UUID_PREFIX, "CRYPT-LUKS",
						 "CRYPT-PLAIN",	      "CRYPT-TCRYPT",
						 "CRYPT-LOOPAES",     "CRYPT-BITLK",
						 "CRYPT-FVAULT2"};
	char uuid[160];

	(void)data;
	read_attribute(device, "dm/uuid", uuid, sizeof(uuid));
	for (size_t i = 0; i < ARRAY_SIZE(encrypting); i++)
		if (!strncmp(uuid, encrypting[i], strlen(encrypting[i])))
			return STOP_YES;
	return GO_ON;
}

bool storage_encrypts(dev_t device)
{
	return walk_down(&(struct walk){.ask = ask_encrypts, .all = true}, device, 0);
}

static enum verdict ask_is(dev_t device, void *data)
{
	return device == *(const dev_t *)data ? STOP_YES : GO_ON;
}

bool storage_stands_on(dev_t device, dev_t below)
{
	return walk_down(&(struct walk){.ask = ask_is, .data = &below}, device, 0);
}

struct good {
	const dev_t *list;
	size_t n;
};

static enum verdict ask_good(dev_t device, void *data)
{
	const struct good *good = data;

	for (size_t i = 0; i < good->n; i++)
		if (device && device == good->list[i])
			return STOP_YES;
	return GO_ON;
}

bool storage_within(dev_t device, const dev_t *good, size_t n)
{
	struct good all = {.list = good, .n = n};

	return walk_down(&(struct walk){.ask = ask_good, .data = &all, .all = true}, device, 0);
}

static enum verdict ask_suspended(dev_t device, void *data)
{
	char suspended[8];

	(void)data;
	read_attribute(device, "dm/suspended", suspended, sizeof(suspended));
	return *suspended == '1' ? STOP_YES : GO_ON;
}

bool storage_suspended(dev_t device)
{
	return walk_down(&(struct walk){.ask = ask_suspended}, device, 0);
}

struct layers {
	struct storage_layer *list;
	size_t n, max;
};

static bool has_attribute(dev_t device, const char *name)
{
	_cleanup_free_ char *path = sysfs_path(device, name);

	return path && access(path, F_OK) == 0;
}

static void layer_kind(dev_t device, char ret[16])
{
	static const char *const signs[][2] = {{"dm", "dm"},
					       {"md", "md"},
					       {"loop", "loop"},
					       {"partition", "partition"}};
	char uuid[160];
	size_t length;

	snprintf(ret, 16, "disk");
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (has_attribute(device, signs[i][0])) {
			snprintf(ret, 16, "%s", signs[i][1]);
			break;
		}
	read_attribute(device, "dm/uuid", uuid, sizeof(uuid));
	length = strcspn(uuid, "-");
	if (!uuid[length] || length > 15)
		return;
	for (size_t i = 0; i <= length; i++)
		ret[i] = i == length ? '\0' : (char)tolower((unsigned char)uuid[i]);
}

static enum verdict ask_layer(dev_t device, void *data)
{
	struct layers *layers = data;
	struct storage_layer *layer = &layers->list[layers->n];
	_cleanup_free_ char *name = NULL;

	if (layers->n == layers->max || !device)
		return STOP_NO;
	read_attribute(device, "dm/name", layer->name, sizeof(layer->name));
	if (!*layer->name) {
		name = storage_name(major(device), minor(device));
		snprintf(layer->name, sizeof(layer->name), "%s",
			 name ? name + strlen("/dev/") : "?");
	}
	layer_kind(device, layer->kind);
	layers->n++;
	return GO_ON;
}

size_t storage_layers(dev_t device, struct storage_layer *ret, size_t max)
{
	struct layers layers = {.list = ret, .max = max};

	walk_down(&(struct walk){.ask = ask_layer, .data = &layers}, device, 0);
	return layers.n;
}

bool storage_rotational(dev_t device)
{
	char rotational[8];

	read_attribute(device, "queue/rotational", rotational, sizeof(rotational));
	if (!*rotational) /* a partition has its disk's */
		read_attribute(device, "../queue/rotational", rotational, sizeof(rotational));
	return *rotational != '0';
}

struct mount_device {
	dev_t number, device;
};

static int find_mount(void *data, const struct mount *mount)
{
	struct mount_device *wanted = data;

	if (mount->number != wanted->number || !mount->device)
		return 0;
	wanted->device = mount->device;
	return 1;
}

/*
 * File systems of several devices (btrfs) have a device number of their own; the mount table
 * names one of their devices.
 */
static dev_t device_of_mount(dev_t number)
{
	struct mount_device wanted = {.number = number};

	mounts_each(find_mount, &wanted);
	return wanted.device;
}

dev_t storage_of_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	return major(st.st_dev) ? st.st_dev : device_of_mount(st.st_dev);
}

int storage_path_encrypted(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	const char *directory = copy ? dirname(copy) : NULL;
	dev_t device;

	if (!directory)
		return -ENOMEM;
	if (access(directory, F_OK) < 0)
		return log_errno(errno, "cannot reach %s: %m", directory);
	device = storage_of_path(directory);
	return device && storage_encrypts(device);
}
