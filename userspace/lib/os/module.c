// SPDX-License-Identifier: LGPL-2.1-or-later
/* Loading a module as modprobe(8) does, with libkmod. */
#include <errno.h>
#include <libkmod.h>

#include "base/log.h"
#include "os/module.h"

DEFINE_CLEANUP(struct kmod_ctx, kmod_unref)
DEFINE_CLEANUP(struct kmod_list, kmod_module_unref_list)

int module_load(const char *name)
{
	_cleanup_with_(kmod_unref) struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	_cleanup_with_(kmod_module_unref_list) struct kmod_list *list = NULL;
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
