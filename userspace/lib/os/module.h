/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading kernel modules. module.c is the only file that includes libkmod. */
#pragma once

/*
 * Load module @name and its dependencies; nothing happens where it is loaded. Returns 0 or -errno
 * without a message. -ENOENT: there is no such module; -EACCES: it is on modprobe.d's blacklist.
 */
int module_load(const char *name);
