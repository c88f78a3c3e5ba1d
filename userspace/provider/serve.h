/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the providers of this project share: docs/provider.md from the other side. */
#ifndef FVE_SERVE_H
#define FVE_SERVE_H

#include "custody/provider_wire.h"

/*
 * Do what @request asks. @page holds the key to be wrapped, or takes the one that was unwrapped.
 * @answer is zero, which is PROVIDER_OK. Connections are closed in good order before it returns:
 * the process is killed as soon as the answer was heard.
 */
typedef void serve_handler(const struct provider_request *request, struct secret *page,
			   struct provider_answer *answer);

/* Serve the one request; for main() to return. */
int serve(serve_handler *handle);

#endif
