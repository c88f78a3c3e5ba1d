/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log: a file with one JSON object in each line, which holds the hash of the line before
 * it. The head of this chain is extended into an NV index of the TPM, which nobody can set back
 * (docs/audit.md).
 *
 * Functions return 0 or -errno, and print the message unless they say otherwise.
 */
#pragma once

#include <stdio.h>

#include "crypto/crypto.h"
#include "custody/journal.h"

#define AUDIT_FILE "/var/lib/fve/audit.log" /* FVE_STATE names another directory */

/*
 * A member of a record; both strings are borrowed. Its name is none that audit_record() adds itself
 * (docs/audit.md), and a value of NULL leaves it out.
 */
#define audit_field journal_field

/*
 * Add a line about @event ("policy-suspended") with @n fields, and extend it into the TPM @tcti (as
 * for tpm_open()). Where no TPM works, the line says "anchored": false, and that is no error. The
 * log is locked against other processes meanwhile. Whoever needs a record before an action calls
 * this before the action.
 */
int audit_record(const char *tcti, const char *event, const struct audit_field *fields, size_t n);

/*
 * The same for what is no affair of people elsewhere, such as a new protector: where the TPM does
 * not hold the head of a log yet, this does not begin one there. A failure is printed and otherwise
 * ignored, since what is recorded has been done.
 */
void audit_note(const char *tcti, const char *event, const struct audit_field *fields, size_t n);

/* The first fault that was found in a log. */
enum audit_fault {
	AUDIT_IN_ORDER,	  /* there is none */
	AUDIT_EDITED,	  /* @line is no record, or does not name the hash of the line before it */
	AUDIT_NOT_PREFIX, /* an earlier export has another @line, or one that the log lacks */
	AUDIT_HEAD,	  /* the TPM holds the head of another chain */
	AUDIT_NO_TPM,	  /* there are anchored lines, but no TPM to compare them with */
	AUDIT_FAULTS,
};

const char *audit_fault_code(enum audit_fault fault); /* for programs: "in-order" and so on */

/* The result of verifying a log. */
struct audit_state {
	enum audit_fault fault;
	size_t line; /* where the fault is, from 1; with AUDIT_EDITED and AUDIT_NOT_PREFIX */
	size_t lines, anchored; /* how many there are, and how many of them are anchored */
	bool healed;		/* the last line was not in the TPM, and has been extended now */
	bool torn;		/* a piece of a line follows the last one, as after a power cut */
	uint8_t head[SHA256_SIZE]; /* hash of the last line; zero where there is none */
};

/*
 * Verify the log. Where @earlier is not NULL, also verify that the log begins with the lines of
 * this file, which was exported from it before. A power cut can leave one last line that is not in
 * the TPM; it is extended now. -EBADMSG without a message: there is a fault, and @ret tells which.
 */
int audit_verify(const char *tcti, const char *earlier, struct audit_state *ret);

/* Call @show with each whole line, from the first to the last, whether it has a fault or not. */
int audit_read(void (*show)(const char *line, void *data), void *data);
