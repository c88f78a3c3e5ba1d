// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an action did to a volume, for the audit log. */
#include "cli/cli.h"
#include "custody/audit.h"

void cli_note(const struct unlock_request *how, const struct header *header, const char *event,
	      const char *protector, const char *detail)
{
	const struct audit_field fields[] = {
		{"volume", header_uuid(header)},
		{"device", header_path(header)},
		{"protector", protector},
		{"detail", detail},
	};

	audit_note(how->tcti, event, fields, ARRAY_SIZE(fields));
}
