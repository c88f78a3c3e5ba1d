// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading acknowledgements from the audit log. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "custody/audit.h"
#include "custody/escrow_seen.h"
#include "os/state.h"

struct reading {
	struct escrow_seen *seen;
	int error;
};

static void read_record(const char *line, void *data)
{
	struct reading *reading = data;
	struct escrow_seen *seen = reading->seen;
	_cleanup_json_ struct json_object *object = NULL;
	struct escrow_pair *grown, pair;
	struct members m;

	object = members_read(&m, line);
	if (!object || strcmp(m.type, "escrow-acknowledged") != 0)
		return;
	member_text(&m, "volume", pair.volume, sizeof(pair.volume));
	member_text(&m, "protector", pair.protector, sizeof(pair.protector));
	if (m.error < 0)
		return;
	grown = reallocarray(seen->pairs, seen->n + 1, sizeof(*grown));
	if (!grown) {
		reading->error = -ENOMEM;
		return;
	}
	seen->pairs = grown;
	seen->pairs[seen->n++] = pair;
}

int escrow_seen_load(struct escrow_seen *ret)
{
	struct reading reading = {.seen = ret};
	_cleanup_free_ char *path = NULL;
	int r;

	*ret = (struct escrow_seen){0};
	if (asprintf(&path, "%s/audit.log", state_directory()) < 0)
		return -ENOMEM;
	/* The log is opened to be written, too. */
	if (access(path, R_OK | W_OK) < 0)
		return errno == ENOENT ? 0 : -EACCES;
	r = audit_read(read_record, &reading);
	return r < 0 ? r : reading.error;
}

bool escrow_seen_has(const struct escrow_seen *seen, const char *volume, const char *protector)
{
	for (size_t i = 0; i < seen->n; i++)
		if (!strcmp(seen->pairs[i].volume, volume) &&
		    !strcmp(seen->pairs[i].protector, protector))
			return true;
	return false;
}

void escrow_seen_free(struct escrow_seen *seen)
{
	free(seen->pairs);
	*seen = (struct escrow_seen){0};
}
