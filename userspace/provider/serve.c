// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading one request, and writing one answer. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "os/process.h"
#include "provider/serve.h"

bool serve_is_left(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) == 1 && out.revents & POLLERR;
}

int serve(serve_handler *handle)
{
	_cleanup_request_ struct provider_request request = {0};
	_cleanup_answer_ struct provider_answer answer = {0};
	_cleanup_free_ char *line = NULL, *text = NULL;
	/* The page is not freed, since that would wipe the key that fvesetup is to read. */
	struct secret *page;
	size_t size = 0;
	ssize_t n;

	process_init();
	page = secret_shared_open(PROVIDER_PAGE_FD, PROVIDER_PAGE_SIZE);
	n = getline(&line, &size, stdin);
	if (!page || n < 0) {
		fprintf(stderr, "this is for fvesetup to run, see docs/provider.md\n");
		return 1;
	}
	if (strlen(line) != (size_t)n || provider_request_decode(line, &request) < 0)
		provider_answer_fail(&answer, PROVIDER_BADREQ, "the request is malformed");
	else
		handle(&request, page, &answer);
	if (answer.outcome != PROVIDER_OK || request.action != PROVIDER_UNWRAP || serve_is_left())
		secret_wipe(page->data, page->size);
	text = provider_answer_encode(request.action, &answer);
	return text && puts(text) >= 0 && fflush(stdout) == 0 ? 0 : 1;
}
