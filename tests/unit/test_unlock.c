// SPDX-License-Identifier: LGPL-2.1-or-later
/* A volume that another one opens: unlocked in one go, as the boot path does it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys/vmk.h"
#include "protector/unlock.h"
#include "test.h"

#define IMAGE_SIZE (20 * 1024 * 1024)

struct volume {
	char path[64];
	struct header *header;
	struct secret *fvek;
};

static void volume_make(struct volume *v, const char *directory, const char *name)
{
	const struct header_format how = {.sector_size = 512};
	_cleanup_secret_ struct secret *vmk = NULL;
	FILE *file;

	snprintf(v->path, sizeof(v->path), "%s/%s", directory, name);
	file = fopen(v->path, "w");
	CHECK(file && ftruncate(fileno(file), IMAGE_SIZE) == 0);
	if (file)
		fclose(file);
	v->fvek = secret_random(FVEK_SIZE);
	CHECK(header_format(v->path, &how, v->fvek, &v->header) == 0);
	CHECK(vmk_create(v->header, v->fvek, &vmk) == 0);
}

static void volume_free(struct volume *v)
{
	header_close(v->header);
	secret_free(v->fvek);
	unlink(v->path);
}

static int never_asked(void *data, enum unlock_question question, const char *prompt,
		       struct secret **ret)
{
	(void)data, (void)question, (void)prompt, (void)ret;
	CHECK(!"somebody was asked");
	return -ENOKEY;
}

static void note_reason(void *data, const struct protector *protector,
			const struct refusal *refusal)
{
	(void)protector;
	*(enum reason *)data = refusal->reason;
}

/* Unlock @v with @fvek as that of volume @uuid; gives the reason of the refusal. */
static enum reason unlock_with(struct volume *v, const char *uuid, const struct secret *fvek,
			       const char *protector)
{
	const struct unlocked_volume other = {.uuid = uuid, .fvek = fvek};
	_cleanup_secret_ struct secret *opened = NULL;
	enum reason reason = REASON_NONE;
	struct unlock how = {
		.protector = protector,
		.others = &other,
		.n_others = 1,
		.ask = never_asked,
		.refused = note_reason,
		.data = &reason,
	};
	struct protector used;
	int r = unlock(v->header, &how, &opened, &used);

	CHECK(r == 0 || r == -EPERM);
	CHECK((r == 0) == (opened && secret_equal(opened, v->fvek)));
	return r == 0 ? REASON_NONE : reason ?: REASON_MAX;
}

int main(void)
{
	char directory[] = "/tmp/fve-test-auto.XXXXXX";
	const struct protector_spec spec = {.kind = PROTECTOR_AUTO, .label = "with root"};
	struct volume root = {0}, data = {0};
	const char *uuid;

	CHECK(mkdtemp(directory));
	volume_make(&root, directory, "root");
	volume_make(&data, directory, "data");
	uuid = header_uuid(root.header);
	CHECK(protector_add(data.header, data.fvek,
			    &(struct enrolment){.spec = &spec,
						.secret = root.fvek,
						.volume = uuid}) == 0);

	CHECK(unlock_with(&data, uuid, root.fvek, NULL) == REASON_NONE);
	CHECK(unlock_with(&data, uuid, data.fvek, NULL) == REASON_SECRET_WRONG);
	/* Not there: not a word, unless it was asked for. */
	CHECK(unlock_with(&data, header_uuid(data.header), root.fvek, NULL) == REASON_MAX);
	CHECK(unlock_with(&data, header_uuid(data.header), root.fvek, "auto") == REASON_KEY_ABSENT);

	volume_free(&data);
	volume_free(&root);
	CHECK(rmdir(directory) == 0);
	return test_done();
}
