// SPDX-License-Identifier: LGPL-2.1-or-later
/* The token "fve-policy" to JSON and back: a policy key with the boot chains that it approved. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/slots.h"
#include "keys/token.h"
#include "keys/token_json.h"

static void pcr_members(struct members *outer, struct pcr_values *pcrs)
{
	struct members m = member_object(outer, "pcrs");
	char key[12];

	for (int i = 0; i < PCR_COUNT; i++) {
		snprintf(key, sizeof(key), "%d", i);
		if (!member_is_there(&m, key, pcrs->mask & 1u << i))
			continue;
		member_hex(&m, key, pcrs->value[i], SHA256_SIZE);
		pcrs->mask |= 1u << i;
	}
	if (!m.writing && !pcrs->mask)
		members_fail(&m, -EBADMSG);
	member_end(outer, &m);
}

_Static_assert(sizeof(struct policy_event) == 1 + POLICY_EVENT_DIGEST_SIZE,
	       "each is the PCR's number and the start of a digest, as docs/on-disk.md has them");

static void events_member(struct members *m, struct policy_events *events)
{
	_cleanup_blob_ struct blob bytes = {0};
	size_t size = events->n * sizeof(*events->list);

	if (m->writing && blob_set(&bytes, events->list, size) < 0)
		members_fail(m, -ENOMEM);
	member_blob(m, "events", &bytes);
	if (m->writing)
		return;
	if (bytes.size % sizeof(*events->list) || bytes.size > sizeof(events->list)) {
		members_fail(m, -EBADMSG);
		return;
	}
	memcpy(events->list, bytes.data, bytes.size);
	events->n = bytes.size / sizeof(*events->list);
	for (size_t i = 0; i < events->n; i++)
		if (events->list[i].pcr >= PCR_COUNT)
			members_fail(m, -EBADMSG);
}

static void approvals_members(struct members *outer, struct token_policy *token)
{
	struct json_object *list =
		member_array(outer, "approvals", &token->n_approvals, TOKEN_APPROVALS_MAX);

	if (!outer->writing)
		token->approvals = calloc(token->n_approvals + 1, sizeof(*token->approvals));
	if (!token->approvals) {
		members_fail(outer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < token->n_approvals; i++) {
		struct token_approval *approval = &token->approvals[i];
		struct ec_signature *signature = &approval->policy.signature;
		struct members m = element_object(outer, list, i);

		member_head(&m, &approval->head);
		pcr_members(&m, &approval->policy.pcrs);
		member_number64(&m, "limit", &approval->policy.limit, 0, INT64_MAX);
		member_hex(&m, "signature", signature, sizeof(*signature));
		events_member(&m, &approval->events);
		member_end(outer, &m);
	}
}

static void policy_members(struct members *m, void *data)
{
	struct token_policy *token = data;
	struct token_lockout *lockout = &token->lockout;

	member_generation(m, &token->generation);
	member_hex(m, "srk", token->srk.data, sizeof(token->srk.data));
	member_hex(m, "key", &token->public, sizeof(token->public));
	member_blob(m, "private", &token->private);
	member_number(m, "counter", &token->counter, 0, UINT32_MAX);
	lockout->there = member_is_there(m, "lockout_tries", lockout->there);
	if (lockout->there) {
		member_number(m, "lockout_tries", &lockout->max_tries, 0, UINT32_MAX);
		member_number(m, "lockout_interval", &lockout->interval_s, 0, UINT32_MAX);
		member_blob(m, "lockout_auth", &lockout->auth);
	}
	approvals_members(m, token);
}

int token_policy_parse(const char *json, struct token_policy *ret)
{
	return token_parse(json, NULL, policy_members, ret);
}

char *token_policy_format(const struct token_policy *token)
{
	struct token_policy copy = *token;

	return token_format(TOKEN_TYPE_POLICY, -1, policy_members, &copy);
}

void token_policy_free(struct token_policy *token)
{
	blob_free(&token->private);
	blob_free(&token->lockout.auth);
	free(token->approvals);
	token->approvals = NULL;
	token->n_approvals = 0;
}
