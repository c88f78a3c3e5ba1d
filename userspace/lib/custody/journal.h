/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system's log: journald with fields, by its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), or syslog(3) where there is no journal.
 */
#pragma once

#include <stddef.h>

/* A field; both strings are borrowed. */
struct journal_field {
	const char *name;  /* "policy_uuid" becomes FVE_POLICY_UUID */
	const char *value; /* NULL: it is left out */
};

/*
 * Send @message with the priority notice and the facility authpriv, @fields, and the MESSAGE_ID of
 * the kind @event: the first 32 hex digits of the SHA-256 of "fve-audit:" and @event. Nothing is
 * waited for, and a failure is ignored.
 */
void journal_send(const char *event, const char *message, const struct journal_field *fields,
		  size_t n);
