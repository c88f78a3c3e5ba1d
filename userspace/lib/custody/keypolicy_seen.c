// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>
#include <string.h>

#include "custody/audit.h"
#include "custody/keypolicy_seen.h"

struct news {
	const struct provider_error *errs;
	uint32_t mask;
	char now[TIME_LENGTH + 1];
	struct keypolicy_last before[WRAP_ROOTS];
	uint32_t changed;
};

static int set_outcomes(struct keypolicy *policy, void *data)
{
	struct news *news = data;

	for (int i = 0; i < WRAP_ROOTS; i++) {
		struct keypolicy_last *last = &policy->roots[i].last;

		if (!(news->mask & 1u << i))
			continue;
		news->before[i] = *last;
		if (!last->known || last->outcome != news->errs[i].outcome) {
			strcpy(last->since, news->now);
			news->changed |= 1u << i;
		}
		last->known = true;
		last->outcome = news->errs[i].outcome;
		strcpy(last->checked, news->now);
	}
	return 0;
}

static int record(const struct keypolicy *policy, const char *tcti, int root,
		  const struct news *news, const char *volume)
{
	const struct keypolicy_last *before = &news->before[root];
	const char *detail = news->errs[root].detail;
	char event[32], key[2 * SHA256_SIZE + 1] = "";
	const struct audit_field fields[] = {
		{"policy", policy->name},
		{"policy_uuid", policy->uuid},
		{"root", root == WRAP_ROOT_A ? "a" : "b"},
		{"key", key},
		{"before", before->known ? provider_outcome_names[before->outcome] : NULL},
		{"volume", volume},
		{"detail", *detail ? detail : NULL},
	};

	snprintf(event, sizeof(event), "root-%s", provider_outcome_names[news->errs[root].outcome]);
	keypolicy_key_text(&policy->roots[root].public, key);
	return audit_record(tcti, event, fields, ARRAY_SIZE(fields));
}

void keypolicy_seen(struct keypolicy *policy, const char *tcti,
		    const struct provider_error errs[WRAP_ROOTS], uint32_t mask, const char *volume)
{
	struct news news = {.errs = errs, .mask = mask};

	for (int i = 0; i < WRAP_ROOTS; i++)
		if (errs[i].outcome == PROVIDER_UNASKED)
			news.mask &= ~(1u << i);
	if (!news.mask || token_time_now(news.now) < 0 ||
	    keypolicy_update(policy, set_outcomes, &news) < 0)
		return;
	/* That a new root answers is no change. */
	for (int i = 0; i < WRAP_ROOTS; i++)
		if (news.changed & 1u << i &&
		    (news.before[i].known || errs[i].outcome != PROVIDER_OK))
			record(policy, tcti, i, &news, volume);
}
