/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log: one JSON object a line, each naming the hash of the line before it, and the head
 * of the chain extended into an NV index of the TPM, which nobody can set back (docs/audit.md).
 *
 * Functions give 0 or -errno, with the message printed.
 */
#ifndef FVE_AUDIT_H
#define FVE_AUDIT_H

#include <stdio.h>

#include "crypto/crypto.h"

#define AUDIT_FILE "/var/lib/fve/audit.log" /* FVE_STATE names another directory */

struct audit_field {
	const char *name;  /* not one of those that audit_record() adds; docs/audit.md */
	const char *value; /* NULL: left out */
};

/*
 * Add a line about @event ("policy-suspended"), and extend it into the TPM @tcti (NULL: the
 * default one). Where there is no TPM that works, the line says so by "anchored": false, and it is
 * no error. Locks out other processes meanwhile. A record that must exist before something
 * is done is one to be asked for before it.
 */
int audit_record(const char *tcti, const char *event, const struct audit_field *fields, size_t n);

/* What is wrong with a log, the first thing that was found. */
enum audit_fault {
	AUDIT_IN_ORDER,
	AUDIT_EDITED,	  /* @line is not a record, or not the one that followed its predecessor */
	AUDIT_NOT_PREFIX, /* an earlier export has another @line, or one more */
	AUDIT_HEAD,	  /* the TPM's head is not this chain's */
	AUDIT_NO_TPM,	  /* there are anchored lines, and no TPM to compare them with */
	AUDIT_FAULTS,
};

const char *audit_fault_code(enum audit_fault fault); /* "in-order", ...: stable */

struct audit_state {
	enum audit_fault fault;
	size_t line; /* from 1; with AUDIT_EDITED and AUDIT_NOT_PREFIX */
	size_t lines, anchored;
	bool healed;		   /* the last line was not in the TPM yet, and now is */
	bool torn;		   /* after the last line is a piece of one: a power cut */
	uint8_t head[SHA256_SIZE]; /* hash of the last line; zero where there is none */
};

/*
 * Verify the log, and where @earlier is not NULL that what was exported into this file then is
 * still there. One last line that is not in the TPM is what a power cut leaves, and is extended
 * now. -EBADMSG on a fault, without a message.
 */
int audit_verify(const char *tcti, const char *earlier, struct audit_state *ret);

/* Call @show with each line, in order, whether it is in order or not. */
int audit_read(void (*show)(const char *line, void *data), void *data);

#endif
