// SPDX-License-Identifier: LGPL-2.1-or-later
/* audit_probe TCTI COUNT EVENT [NAME VALUE]...: write COUNT records to the audit log. */
#include <stdlib.h>

#include "custody/audit.h"

int main(int argc, char **argv)
{
	struct audit_field fields[8];
	size_t n = 0;

	if (argc < 4)
		return 2;
	for (int i = 4; i + 1 < argc && n < ARRAY_SIZE(fields); i += 2)
		fields[n++] = (struct audit_field){argv[i], argv[i + 1]};
	for (int i = 0; i < atoi(argv[2]); i++)
		if (audit_record(argv[1], argv[3], fields, n) < 0)
			return 1;
	return 0;
}
