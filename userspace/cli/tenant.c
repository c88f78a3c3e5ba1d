// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the tenant actions share. */
#include <errno.h>
#include <string.h>

#include "cli/tenant.h"

int cli_tenant_load(const char *name, struct tenant *ret)
{
	int r = tenant_load(name, ret);

	if (r < 0)
		return r;
	if (!*ret->created)
		return log_errno(ENOKEY,
				 "tenant %s was not created to its end; repeat: fvesetup tenant "
				 "create %s",
				 name, name);
	if (*ret->purged)
		return log_errno(ENOKEY, "tenant %s was purged at %s", name, ret->purged);
	return 0;
}

static int is_name(void *data, const char *name)
{
	return !strcmp(data, name);
}

/* Where the kernel does not tell, it counts as open. */
bool cli_tenant_is_open(const char *name)
{
	return volume_each(is_name, (void *)name) != 0;
}
