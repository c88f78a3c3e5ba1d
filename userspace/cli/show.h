/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A volume's parts as text and as JSON: what dump and protector list have in common. */
#pragma once

#include <sys/types.h>

#include "header/header.h"

struct json_object;

#define SHOW_WIDTH 80 /* columns that are surely there */

/* Print @text from @column on, where the cursor is, and break it between words. */
void show_wrapped(const char *text, int column);

/* A size for people: "20.0 MiB". JSON has bytes. */
#define SHOW_SIZE_MAX 16
void show_size(uint64_t bytes, char ret[SHOW_SIZE_MAX]);

/* Where the file system on @device is mounted first, owned by the caller; NULL: nowhere. */
char *show_mountpoint(dev_t device);

void show_protectors(const struct header *header);
/* An array, docs/json.md; the caller owns it. */
struct json_object *show_protectors_json(const struct header *header);

/* PCRs by their numbers, and an approved boot chain, as objects. */
struct pcr_values;
struct token_approval;
struct json_object *show_pcrs_json(const struct pcr_values *pcrs);
struct json_object *show_approval_json(const struct token_approval *approval);

/*
 * What can be told of the header's MAC without the key, by which it is compared at each unlock:
 * "present", "interrupted", "missing" or "damaged".
 */
const char *show_mac(const struct header *header);

/* What is weaker about the TPM protectors than it could be (concerns.h): a line each, or codes. */
void show_concerns(const struct header *header, const char *tcti);
struct json_object *show_concerns_json(const struct header *header, const char *tcti);
