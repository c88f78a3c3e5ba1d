// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Asking through the system's password agent (https://systemd.io/PASSWORD_AGENTS): whoever draws
 * the boot screen answers, a terminal of ours is not needed. systemd-ask-password speaks the
 * protocol; this file starts it and reads the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/read_secret.h"

#define PROGRAM	       "systemd-ask-password"
#define NOT_EXECUTABLE 127 /* as a shell says it */

/* In the child: @answer becomes its standard output. Its complaints are ours to make. */
static void __attribute__((noreturn))
run_program(const struct question *question, const char *id, const char *timeout, int answer)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Whoever ends us ends the question, which else stays on the screen. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(null, STDIN_FILENO);
	dup2(answer, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execlp(PROGRAM, PROGRAM, "--no-tty", "--icon=drive-harddisk", "-n", id, timeout,
	       question->text, NULL);
	_exit(NOT_EXECUTABLE);
}

int agent_ask(const struct question *question, struct secret **ret)
{
	_cleanup_secret_ struct secret *answer = NULL;
	_cleanup_close_ int from = -1, to = -1;
	_cleanup_free_ char *id = NULL, *timeout = NULL;
	int fds[2], status, r;
	pid_t child;

	if (asprintf(&id, "--id=fvesetup:%s", question->volume) < 0 ||
	    asprintf(&timeout, "--timeout=%u", question->timeout_s) < 0)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	fflush(stdout);
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		run_program(question, id, timeout, to);
	close(to);
	to = -1;
	/* It has a timeout of its own. */
	r = prompt_wait(question, from, 0);
	if (r == 0)
		r = read_secret(from, false, &answer);
	else
		kill(child, SIGTERM);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r != -ECANCELED && WIFEXITED(status) && WEXITSTATUS(status) == NOT_EXECUTABLE)
		return log_errno(ENOPKG, "cannot run " PROGRAM ", which --agent needs");
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return log_errno(ENOKEY, "no password agent answered for %s%s", question->volume,
				 question->timeout_s ? " in time" : "");
	*ret = steal(answer);
	return 0;
}
