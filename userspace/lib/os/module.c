// SPDX-License-Identifier: LGPL-2.1-or-later
/* Loading a module as modprobe(8) does, with libkmod. */
#include <errno.h>
#include <libkmod.h>

#include "base/log.h"
#include "os/module.h"

static void kmod_unrefp(struct kmod_ctx **ctx)
{
	if (*ctx)
		kmod_unref(*ctx);
}

static void kmod_module_unref_listp(struct kmod_list **list)
{
	if (*list)
		kmod_module_unref_list(*list);
}

int module_load(const char *name)
{
	__attribute__((cleanup(kmod_unrefp))) struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	__attribute__((cleanup(kmod_module_unref_listp))) struct kmod_list *list = NULL;
	struct kmod_list *entry;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_lookup(ctx, name, &list);
	if (r < 0)
		return r;
	if (!list)
		return -ENOENT;
	kmod_list_foreach(entry, list)
	{
		struct kmod_module *module = kmod_module_get_module(entry);

		r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL,
						    NULL, NULL);
		kmod_module_unref(module);
		if (r == KMOD_PROBE_APPLY_BLACKLIST)
			return -EACCES;
		if (r < 0)
			return r;
	}
	return 0;
}
