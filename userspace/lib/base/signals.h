/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a person may interrupt. */
#ifndef FVE_SIGNALS_H
#define FVE_SIGNALS_H

/*
 * From now on ^C, SIGTERM and SIGHUP wait for the end of the program, or for signals_let().
 * header.c calls it before each write: a power cut between two writes is harmless by their order,
 * but leaves more to explain. Blocked and not caught: a handler would make reads of foreign
 * libraries fail with EINTR.
 */
void signals_hold(void);

/* Somebody is asked, and may rather give up: what was sent meanwhile counts now. */
void signals_let(void);

#endif
