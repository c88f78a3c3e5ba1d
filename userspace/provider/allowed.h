/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules, servers and PIN files that a URI from a volume's header may name on this machine. A
 * header is the attacker's until it is proved, so the administrator lists them in /etc/fve
 * (docs/provider.md); the environment variable FVE_CONFIG names another directory.
 */
#pragma once

#include "base/util.h"

/* Return whether @path, which has no symbolic links, is listed in /etc/fve/modules. */
bool allowed_module(const char *path);

/* Return whether @server, "HOST:PORT", is a line of the file /etc/fve/@service. */
bool allowed_server(const char *service, const char *server);

/*
 * Open @path, which must be a PIN file of root's directly in /etc/fve, since directories below it
 * hold other secrets. Returns the descriptor, or -errno without a message. -EACCES: it lies
 * elsewhere, is reached by links that lead elsewhere, or others can write to it.
 */
int allowed_pin_open(const char *path);
