// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who is asked while volumes are unlocked, and telling why one stays closed. */
#include <errno.h>
#include <stdio.h>

#include "cli/boot_ask.h"
#include "cli/boot_net.h"

#define NOFAIL_ANSWER_S 60 /* a person who may be asleep must not hold up what matters */

void boot_answers_free(struct answers *answers)
{
	secret_free(answers->pin);
	secret_free(answers->secret);
}

void boot_asking_done(struct asking *asking)
{
	secret_free(asking->last);
}

void boot_refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	struct asking *asking = data;

	asking->volume->mismatch |= refusal->reason == REASON_PCR_MISMATCH;
	asking->volume->foreign |= refusal->reason == REASON_NOT_OURS;
	log_notice("%s (%s):", asking->volume->entry->name, header_path(asking->volume->header));
	cli_show_refusal(asking->boot->args->unlock.event_log, protector, refusal);
}

struct unlock boot_judging(struct asking *asking)
{
	const struct boot_volume *volume = asking->volume;

	return (struct unlock){
		.identity = volume->identity_known ? volume->identity : NULL,
		.refused = boot_refused,
		.data = asking,
	};
}

/*
 * -ECANCELED: a server was first, and the volume is unlocked; or, with @ret_again, it is not, and
 * whoever is there is to be asked once more. -EKEYREJECTED: the server's key has shown that the
 * volume is another or its header changed, so nobody's PIN is asked for.
 */
static int ask_or_server(struct asking *asking, struct question *asked, bool pin,
			 struct secret **ret, bool *ret_again)
{
	const struct unlock how = boot_judging(asking);
	int r, opened;

	asked->until = boot_net_answered(asking->volume);
	r = prompt_secret(asked, ret);
	if (r != -ECANCELED)
		return r;
	opened = boot_net_open(asking->volume, &how);
	if (opened == -EKEYREJECTED && pin)
		return opened;
	*ret_again = opened < 0;
	return r;
}

int boot_ask(void *data, enum unlock_question question, const char *prompt, struct secret **ret)
{
	struct asking *asking = data;
	const struct secret *known =
		question == UNLOCK_ASK_PIN ? asking->known->pin : asking->known->secret;
	const struct args *args = asking->boot->args;
	_cleanup_free_ char *warning = NULL;
	struct question asked = {
		.text = prompt,
		.volume = header_path(asking->volume->header),
		.file = question == UNLOCK_ASK_PIN ? args->unlock.pin_file : args->unlock.key_file,
		.agent = args->unlock.agent,
		.timeout_s = args->unlock.timeout_s	     ? args->unlock.timeout_s
			     : asking->volume->entry->nofail ? NOFAIL_ANSWER_S
							     : 0,
	};
	_cleanup_secret_ struct secret *answer = NULL;
	bool again = false;
	int r = 0;

	/* An agent shows the question, and nothing of what was said before it. */
	if (asking->volume->foreign) {
		if (asprintf(&warning, "NOT the volume that this machine had! %s", prompt) < 0)
			return -ENOMEM;
		asked.text = warning;
	}
	if (known && !asking->offered[question]) {
		asking->offered[question] = true;
		log_notice("%s: trying what opened the volume before.",
			   asking->volume->entry->name);
		answer = secret_copy(known->data, known->size);
	} else if (asking->silent) {
		r = -ENOKEY;
	} else {
		r = ask_or_server(asking, &asked, question == UNLOCK_ASK_PIN, &answer, &again);
	}
	/* No server is asked any more; the question says what was found of the volume. */
	if (again)
		return boot_ask(data, question, prompt, ret);
	if (r < 0)
		return r;
	if (!answer)
		return -ENOMEM;
	secret_free(asking->last);
	asking->last = secret_copy(answer->data, answer->size);
	*ret = steal(answer);
	return asking->last ? 0 : -ENOMEM;
}

void boot_remember(struct asking *asking, struct secret **known)
{
	secret_free(*known);
	*known = steal(asking->last);
}
