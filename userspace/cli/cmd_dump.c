// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup dump' action: what the header says, without any secret. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "boot_policy.h"
#include "cli.h"
#include "show.h"
#include "vmk.h"

#define SECTOR 512

static void json_approvals(struct json_object *root, const struct token_policy *policy)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < policy->n_approvals; i++) {
		const struct token_approval *a = &policy->approvals[i];
		struct json_object *o = json_object_new_object(), *pcrs = json_object_new_object();

		for (int pcr = 0; pcr < PCR_COUNT; pcr++) {
			_cleanup_free_ char *hex = NULL;
			char key[12];

			if (!(a->policy.pcrs.mask & 1u << pcr))
				continue;
			hex = hex_encode(a->policy.pcrs.value[pcr], SHA256_SIZE);
			snprintf(key, sizeof(key), "%d", pcr);
			json_object_object_add(pcrs, key, json_object_new_string(hex ?: ""));
		}
		json_object_object_add(o, "label", json_object_new_string(a->label));
		json_object_object_add(o, "created", json_object_new_string(a->created));
		json_object_object_add(o, "pcrs", pcrs);
		json_object_array_add(array, o);
	}
	json_object_object_add(root, "approvals", array);
}

static int dump_json(const struct header *header, uint32_t generation,
		     const struct token_policy *policy)
{
	const struct header_segment *s = header_segment(header);
	struct json_object *o = json_object_new_object();
	const char *label = header_label(header);

	json_object_object_add(o, "device", json_object_new_string(header_path(header)));
	json_object_object_add(o, "uuid", json_object_new_string(header_uuid(header)));
	json_object_object_add(o, "label", *label ? json_object_new_string(label) : NULL);
	json_object_object_add(o, "cipher", json_object_new_string(HEADER_CIPHER));
	json_object_object_add(o, "key_size", json_object_new_int64(s->key_size));
	json_object_object_add(o, "sector_size", json_object_new_int64(s->sector_size));
	json_object_object_add(o, "data_offset",
			       json_object_new_int64((int64_t)(s->data_offset * SECTOR)));
	json_object_object_add(o, "data_size", json_object_new_int64((int64_t)(s->size * SECTOR)));
	json_object_object_add(o, "metadata_size",
			       json_object_new_int64((int64_t)s->metadata_size));
	json_object_object_add(o, "vmk_generation", json_object_new_int64(generation));
	json_object_object_add(o, "protectors", json_protectors(header));
	json_approvals(o, policy);
	return json_print(o);
}

static void dump_text(const struct header *header, uint32_t generation,
		      const struct token_policy *policy)
{
	const struct header_segment *s = header_segment(header);
	const char *label = header_label(header);

	printf("Volume:          %s\n", header_path(header));
	printf("UUID:            %s\n", header_uuid(header));
	printf("Label:           %s\n", *label ? label : "-");
	printf("Cipher:          %s, %u-bit key\n", HEADER_CIPHER, s->key_size * 8);
	printf("Sector size:     %u bytes\n", s->sector_size);
	printf("Data:            %ju bytes from byte %ju on\n", (uintmax_t)s->size * SECTOR,
	       (uintmax_t)s->data_offset * SECTOR);
	printf("Header:          LUKS2, two copies of %ju bytes\n", (uintmax_t)s->metadata_size);
	printf("VMK generation:  %u\n", generation);
	for (size_t i = 0; i < policy->n_approvals; i++) {
		_cleanup_free_ char *pcrs = pcr_mask_format(policy->approvals[i].policy.pcrs.mask);

		printf("Approved boot:   PCRs %s, %s, %s\n", pcrs ?: "",
		       policy->approvals[i].created, policy->approvals[i].label);
	}
	printf("\n");
	show_protectors(header);
}

int cmd_dump(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_token_vmk_ struct token_vmk vmk = {0};
	_cleanup_token_policy_ struct token_policy policy = {0};
	int token, r = header_load(args->operand[0], &header);

	if (r == 0)
		r = vmk_token(header, &vmk);
	if (r < 0)
		return r;
	r = boot_policy_load(header, &policy, &token);
	if (r < 0 && r != -ENOENT)
		return log_errno(EBADMSG, "the fve-policy token of %s is damaged or unknown",
				 args->operand[0]);
	if (args->json)
		return dump_json(header, vmk.generation, &policy);
	dump_text(header, vmk.generation, &policy);
	return 0;
}
