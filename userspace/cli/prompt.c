// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking a person, or a file, for a secret. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "cli.h"

#define SECRET_MAX 8192 /* bytes of a key file or of a typed line */

/* Read @fd to its end, or to the end of a line, which is left out. */
static int read_secret(int fd, bool line, struct secret **ret)
{
	_cleanup_secret_ struct secret *secret = secret_new(SECRET_MAX + 1);
	size_t size = 0;

	if (!secret)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, secret->data + size, line ? 1 : SECRET_MAX + 1 - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && line && size == 0)
			return -ENOKEY; /* end of input: nobody is there */
		if (n == 0 || (line && secret->data[size] == '\n'))
			break;
		size += (size_t)n;
		if (size > SECRET_MAX)
			return -E2BIG;
	}
	secret_truncate(secret, size);
	*ret = steal(secret);
	return 0;
}

static struct termios echo_saved;
static volatile sig_atomic_t echo_off;

/* ^C at the prompt must not leave the terminal mute. */
static void restore_and_die(int signal_number)
{
	if (echo_off)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &echo_saved);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static int read_terminal(const char *prompt, struct secret **ret)
{
	struct termios silent;
	int r;

	if (tcgetattr(STDIN_FILENO, &echo_saved) < 0)
		return -errno;
	silent = echo_saved;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	signal(SIGINT, restore_and_die);
	signal(SIGTERM, restore_and_die);
	/* Silent first: what is typed at once in answer to the prompt is neither shown nor lost. */
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
		return -errno;
	echo_off = 1;
	fputs(prompt, stderr);
	r = read_secret(STDIN_FILENO, true, ret);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &echo_saved);
	echo_off = 0;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	return r;
}

static int read_key_file(const char *path, struct secret **ret)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!strcmp(path, "-")) {
		r = read_secret(STDIN_FILENO, false, ret);
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return log_errno(errno, "cannot open the key file %s: %m", path);
		r = read_secret(fd, false, ret);
	}
	if (r == -E2BIG)
		return log_errno(EINVAL, "the key file %s holds more than %d bytes", path,
				 SECRET_MAX);
	if (r < 0)
		return log_errno(-r, "cannot read the key file %s: %s", path, strerror(-r));
	return 0;
}

int prompt_secret(const char *prompt, const char *key_file, struct secret **ret)
{
	int r;

	if (key_file)
		return read_key_file(key_file, ret);
	r = isatty(STDIN_FILENO) ? read_terminal(prompt, ret)
				 : read_secret(STDIN_FILENO, true, ret);
	if (r == -ENOKEY)
		return log_errno(ENOKEY, "no secret was given; use --key-file, or type it");
	if (r == -E2BIG)
		return log_errno(EINVAL, "the secret is longer than %d bytes", SECRET_MAX);
	return r;
}

int prompt_new_secret(const char *prompt, const char *key_file, struct secret **ret)
{
	_cleanup_secret_ struct secret *first = NULL, *second = NULL;
	int r = prompt_secret(prompt, key_file, &first);

	if (r < 0)
		return r;
	if (!first->size)
		return log_errno(EINVAL, "an empty secret protects nothing");
	if (!key_file && isatty(STDIN_FILENO)) {
		r = prompt_secret("The same again: ", NULL, &second);
		if (r < 0)
			return r;
		if (!secret_equal(first, second))
			return log_errno(EINVAL, "the two answers differ");
	}
	*ret = steal(first);
	return 0;
}

int prompt_confirm(const struct args *args, const char *question)
{
	char line[8] = "";

	if (args->batch_mode)
		return 0;
	if (!isatty(STDIN_FILENO))
		return log_errno(ECANCELED, "%s: use --batch-mode where nobody can be asked",
				 question);
	fprintf(stderr, "%s\nType YES to go on: ", question);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "YES\n"))
		return log_errno(ECANCELED, "nothing was done");
	return 0;
}
