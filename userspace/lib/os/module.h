/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading kernel modules. module.c is the only file that includes libkmod. */
#ifndef FVE_MODULE_H
#define FVE_MODULE_H

/* Load @name and what it depends on; 0 when it is there already. -ENOENT: no such module. */
int module_load(const char *name);

#endif
