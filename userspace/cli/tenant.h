/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tenant actions share. */
#pragma once

#include "cli/cli.h"
#include "custody/tenant.h"

/* A tenant that was not purged. -ENOKEY with a message. */
int cli_tenant_load(const char *name, struct tenant *ret);

bool cli_tenant_is_open(const char *name);
