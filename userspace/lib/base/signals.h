/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choosing when a person may interrupt the program. */
#pragma once

/*
 * Let ^C, SIGTERM and SIGHUP wait from now on for the end of the program, or for signals_let().
 * header.c calls this before each write: an interruption between two writes is harmless by their
 * order, but leaves more to explain. The signals are blocked and not caught, since a handler would
 * make reads of foreign libraries fail with EINTR.
 */
void signals_hold(void);

/* Deliver the signals that wait, and those to come: a person is asked, and may want to give up. */
void signals_let(void);
