// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup dump' action: what the header says, without any secret. */
#include <errno.h>
#include <stdio.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "keys/boot_policy.h"
#include "keys/vmk.h"

#define SECTOR 512

/* Of all TPMs that the volume has protectors in. */
static void json_approvals(struct json_object *root, const struct header *header)
{
	struct json_object *array = json_object_new_array();
	struct header_token token = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy policy = {0};

		if (boot_policy_get(header, &token, &policy) < 0)
			continue;
		for (size_t i = 0; i < policy.token.n_approvals; i++)
			json_object_array_add(array,
					      show_approval_json(&policy.token.approvals[i]));
	}
	json_object_object_add(root, "approvals", array);
}

static void show_approvals(const struct header *header)
{
	struct header_token token = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy policy = {0};

		if (boot_policy_get(header, &token, &policy) < 0)
			continue;
		for (size_t i = 0; i < policy.token.n_approvals; i++) {
			const struct token_approval *a = &policy.token.approvals[i];
			_cleanup_free_ char *pcrs = pcr_mask_format(a->policy.pcrs.mask);

			printf("Approved boot:   %s, PCRs %s, %s, %s\n", a->head.id, pcrs ?: "",
			       a->head.created, a->head.label);
		}
	}
}

/* -EBADMSG with a message where a policy cannot be read. */
static int check_policies(const struct header *header)
{
	struct header_token token = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy policy = {0};
		int r = boot_policy_get(header, &token, &policy);

		if (r < 0)
			return log_errno(EBADMSG,
					 "the fve-policy token of %s is damaged or unknown",
					 header_path(header));
	}
	return 0;
}

static int dump_json(const struct header *header, uint32_t generation)
{
	const struct header_segment *s = header_segment(header);
	struct json_object *o = json_object_new_object();
	const char *label = header_label_stored(header);

	object_text(o, "device", header_path(header));
	object_text(o, "uuid", header_uuid(header));
	object_known(o, "label", label);
	object_text(o, "cipher", HEADER_CIPHER);
	object_number(o, "key_size", s->key_size);
	object_number(o, "sector_size", s->sector_size);
	object_number(o, "data_offset", (s->data_offset * SECTOR));
	object_number(o, "data_size", (s->size * SECTOR));
	object_number(o, "metadata_size", s->metadata_size);
	object_text(o, "mac", show_mac(header));
	object_number(o, "vmk_generation", generation);
	json_object_object_add(o, "protectors", show_protectors_json(header));
	json_approvals(o, header);
	return object_print(o);
}

static void dump_text(const struct header *header, uint32_t generation)
{
	const struct header_segment *s = header_segment(header);
	_cleanup_free_ char *path = printable_copy(header_path(header));
	const char *label = header_label(header);
	char size[SHOW_SIZE_MAX], offset[SHOW_SIZE_MAX], metadata[SHOW_SIZE_MAX];

	show_size(s->size * SECTOR, size);
	show_size(s->data_offset * SECTOR, offset);
	show_size(s->metadata_size, metadata);
	printf("Volume:          %s\n", path ?: "?");
	printf("UUID:            %s\n", header_uuid(header));
	printf("Label:           %s\n", *label ? label : "-");
	printf("Cipher:          %s, %u-bit key\n", HEADER_CIPHER, s->key_size * 8);
	printf("Sector size:     %u bytes\n", s->sector_size);
	printf("Data:            %s, from %s on\n", size, offset);
	printf("Header:          LUKS2, two copies of %s\n", metadata);
	printf("Header MAC:      %s\n", show_mac(header));
	printf("VMK generation:  %u\n", generation);
	show_approvals(header);
	printf("\n");
	show_protectors(header);
}

static int cmd_dump(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_token_vmk_ struct token_vmk vmk = {0};
	int r = header_load(args->operand[0], &header);

	if (r < 0)
		return r;
	r = vmk_token(header, &vmk);
	if (r < 0)
		return r;
	r = check_policies(header);
	if (r < 0)
		return r;
	if (args->json)
		return dump_json(header, vmk.generation);
	dump_text(header, vmk.generation);
	return 0;
}

ACTION(dump, "Volumes", "dump", "<device>", "show a volume's header",
       "Show what the header says. No secret is shown, and none is needed.", OPT_JSON);
