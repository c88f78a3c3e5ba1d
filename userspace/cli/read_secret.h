/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a secret from a descriptor: a key file, a terminal, a pipe, an agent's answer. */
#pragma once

#include "base/secret.h"

/* Bytes of a key file or of a line from a pipe: as many as cryptsetup takes, cryptsetup(8). */
#define READ_SECRET_MAX (8 * 1024 * 1024)

/* Read @fd to its end, or to the end of a line, which is left out. -E2BIG, or -ENOKEY: no line. */
int read_secret(int fd, bool line, struct secret **ret);
