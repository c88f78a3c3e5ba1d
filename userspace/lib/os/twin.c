// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "os/device.h"
#include "os/storage.h"
#include "os/twin.h"

#define TWINS_MAX 64

struct twins {
	const char *uuid;
	size_t n;
	struct {
		char *path; /* owned */
		dev_t number;
		bool same; /* the volume itself, by another device */
	} list[TWINS_MAX];
};

static void twins_free(struct twins *twins)
{
	for (size_t i = 0; i < twins->n; i++)
		free(twins->list[i].path);
}

static int collect(void *data, const struct device_volume *volume)
{
	struct twins *twins = data;

	if (strcmp(volume->uuid, twins->uuid) || twins->n == TWINS_MAX)
		return 0;
	twins->list[twins->n].path = strdup(volume->path);
	if (!twins->list[twins->n].path)
		return -ENOMEM;
	twins->list[twins->n++].number = storage_number(volume->path);
	return 0;
}

/* Whether device @i stands on one that is the volume, or one that is stands on it. */
static bool touches(const struct twins *twins, size_t i)
{
	dev_t number = twins->list[i].number;

	for (size_t k = 0; k < twins->n; k++)
		if (twins->list[k].same && (storage_stands_on(number, twins->list[k].number) ||
					    storage_stands_on(twins->list[k].number, number)))
			return true;
	return false;
}

static void find_same(struct twins *twins, const char *path)
{
	bool more = true;

	for (size_t i = 0; i < twins->n; i++)
		twins->list[i].same = storage_is(twins->list[i].number, path);
	while (more) {
		more = false;
		for (size_t i = 0; i < twins->n; i++)
			if (!twins->list[i].same && touches(twins, i))
				more = twins->list[i].same = true;
	}
}

int twin_each(const char *path, const char *uuid, int (*each)(void *data, const char *twin),
	      void *data)
{
	__attribute__((cleanup(twins_free))) struct twins twins = {.uuid = uuid};
	bool unread;
	int r = device_each_volume(collect, &twins, &unread);

	if (r < 0)
		return r;
	find_same(&twins, path);
	for (size_t i = 0; r == 0 && i < twins.n; i++)
		if (!twins.list[i].same)
			r = each(data, twins.list[i].path);
	return r;
}
