/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The main loop of a provider of this project: the provider's side of docs/provider.md. */
#pragma once

#include "custody/provider_wire.h"

/*
 * A handler does what @request asks and fills in @answer, which is all zeros, PROVIDER_OK, before.
 * @page holds the key to be wrapped, or takes the key that was unwrapped. The handler closes its
 * connections before it returns, since the process is killed as soon as the answer was read.
 */
typedef void serve_handler(const struct provider_request *request, struct secret *page,
			   struct provider_answer *answer);

/* Return whether nobody reads the answer any more, since another root has answered. */
bool serve_is_left(void);

/* Serve one request from standard input, and return the exit status for main(). */
int serve(serve_handler *handle);
