/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking for the secret of a volume of the boot: what opened another, a person, or its servers. */
#pragma once

#include "cli/boot.h"

/* Secrets that opened a volume, for the next one. */
struct answers {
	struct secret *pin, *secret;
};

void boot_answers_free(struct answers *answers);

/* While one volume is tried: who asks, and what was answered last. */
struct asking {
	struct boot *boot;
	struct boot_volume *volume;
	struct answers *known; /* offered once each, before anybody is asked */
	bool offered[2];
	bool silent;	     /* nobody is asked: only what is known is tried */
	struct secret *last; /* owned */
};

void boot_asking_done(struct asking *asking);

/* For struct unlock, with @data the asking. boot_ask(): -ECANCELED: a server was first. */
void boot_refused(void *data, const struct protector *protector, const struct refusal *refusal);
int boot_ask(void *data, enum unlock_question question, const char *prompt, struct secret **ret);

/* How what a server gives is judged: as what any machine's protector opens. */
struct unlock boot_judging(struct asking *asking);

/* Remember what opened, for the volumes after this one. */
void boot_remember(struct asking *asking, struct secret **known);
