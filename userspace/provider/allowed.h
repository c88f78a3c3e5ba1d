/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a URI may name that stood in a volume's header, on this machine. A header is the attacker's
 * until it is proved, so the administrator says it, in /etc/fve (docs/provider.md); the environment
 * variable FVE_CONFIG names another directory.
 */
#ifndef FVE_ALLOWED_H
#define FVE_ALLOWED_H

#include "base/util.h"

/* Whether @path, without symbolic links, is a line of /etc/fve/modules. */
bool allowed_module(const char *path);

/*
 * Open @path, a PIN's file in /etc/fve, not below it, where other secrets are. -EACCES: it lies
 * elsewhere, whatever links lead there, or is not root's; or -errno.
 */
int allowed_pin_open(const char *path);

#endif
