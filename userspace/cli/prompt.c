// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking a person, or a file, for a secret. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/signals.h"
#include "cli/cli.h"
#include "cli/read_secret.h"

#define TYPED_MAX 512 /* characters at a terminal, as cryptsetup; the kernel cuts at 4095 */

static struct termios echo_saved;
static volatile sig_atomic_t echo_off;

/* What ends the program at the prompt must not leave the terminal mute. */
static void restore_and_die(int signal_number)
{
	if (echo_off)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &echo_saved);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* A stopped program would leave it mute as well: ^Z does nothing at the prompt. */
static const struct {
	int number;
	void (*handler)(int);
} prompt_signals[] = {
	{SIGINT, restore_and_die},  {SIGTERM, restore_and_die}, {SIGHUP, restore_and_die},
	{SIGQUIT, restore_and_die}, {SIGTSTP, SIG_IGN},
};

static void signals_set(struct sigaction old[ARRAY_SIZE(prompt_signals)])
{
	for (size_t i = 0; i < ARRAY_SIZE(prompt_signals); i++) {
		struct sigaction action = {.sa_handler = prompt_signals[i].handler};

		sigaction(prompt_signals[i].number, NULL, &old[i]);
		if (old[i].sa_handler != SIG_IGN) /* as nohup sets it */
			sigaction(prompt_signals[i].number, &action, NULL);
	}
}

static void signals_restore(const struct sigaction old[ARRAY_SIZE(prompt_signals)])
{
	for (size_t i = 0; i < ARRAY_SIZE(prompt_signals); i++)
		sigaction(prompt_signals[i].number, &old[i], NULL);
}

int prompt_wait(const struct question *question, int fd, unsigned int timeout_s)
{
	struct pollfd fds[] = {
		{.fd = question->until > 0 ? question->until : -1, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};
	int n;

	if (!timeout_s && question->until <= 0)
		return 0;
	do
		n = poll(fds, ARRAY_SIZE(fds), timeout_s ? (int)timeout_s * 1000 : -1);
	while (n < 0 && errno == EINTR);
	if (n > 0 && fds[0].revents)
		return -ECANCELED;
	return n < 0 ? -errno : n == 0 ? -ENOKEY : 0;
}

static int read_terminal(const struct question *question, struct secret **ret)
{
	struct sigaction old[ARRAY_SIZE(prompt_signals)];
	struct termios silent;
	int r;

	if (tcgetattr(STDIN_FILENO, &echo_saved) < 0)
		return -errno;
	silent = echo_saved;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	signals_set(old);
	echo_off = 1;
	/* Silent first: what is typed at once in answer to the prompt is neither shown nor lost. */
	r = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0 ? -errno : 0;
	if (r == 0) {
		fputs(question->text, stderr);
		r = prompt_wait(question, STDIN_FILENO, question->timeout_s);
		if (r == 0)
			r = read_secret(STDIN_FILENO, true, ret);
		else
			fputc('\n', stderr);
	}
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &echo_saved);
	echo_off = 0;
	signals_restore(old);
	return r == 0 && (*ret)->size > TYPED_MAX ? -E2BIG : r;
}

static int read_key_file(const char *path, struct secret **ret)
{
	_cleanup_close_ int fd = -1;
	static bool standard_input_read;
	int r;

	if (!strcmp(path, "-")) {
		if (standard_input_read)
			return log_errno(EINVAL, "standard input holds one secret, and was asked "
						 "for two; give one by a file, or /dev/fd/N");
		standard_input_read = true;
		r = read_secret(STDIN_FILENO, false, ret);
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return log_errno(errno, "cannot open the key file %s: %m", path);
		r = read_secret(fd, false, ret);
	}
	if (r == -E2BIG)
		return log_errno(EINVAL, "the key file %s holds more than %d bytes", path,
				 READ_SECRET_MAX);
	if (r < 0)
		return log_errno(-r, "cannot read the key file %s: %s", path, strerror(-r));
	return 0;
}

/* Where the answer comes from where it is in no file. */
static int ask(const struct question *question, struct secret **ret)
{
	_cleanup_free_ char *text = printable_copy(question->text);
	struct question shown = *question;
	int r;

	if (!text)
		return -ENOMEM;
	shown.text = text;
	signals_let();
	if (question->agent)
		return agent_ask(&shown, ret);
	if (isatty(STDIN_FILENO))
		return read_terminal(&shown, ret);
	r = prompt_wait(question, STDIN_FILENO, 0);
	if (r == 0)
		r = read_secret(STDIN_FILENO, true, ret);
	return r == -EBADF ? -ENOKEY : r; /* closed: nobody is there */
}

int prompt_secret(const struct question *question, struct secret **ret)
{
	_cleanup_secret_ struct secret *answer = NULL;
	int r;

	if (question->file)
		return read_key_file(question->file, ret);
	r = ask(question, &answer);
	if (r == -ENOKEY && !question->agent)
		return log_errno(ENOKEY, "no secret was given; use --key-file, or type it");
	if (r == -E2BIG)
		return log_errno(EINVAL, "the secret is longer than %d bytes; give it by a file",
				 !question->agent && isatty(STDIN_FILENO) ? TYPED_MAX
									  : READ_SECRET_MAX);
	if (r == 0)
		*ret = steal(answer);
	return r;
}

/* What no keyboard of UTF-8 gives, such as the mark with which an editor began the file. */
static const char *find_unseen(const char *text)
{
	while (*text) {
		uint32_t c = 0;
		size_t n = utf8_read(text, &c);

		if (!n)
			return "it is not UTF-8";
		if (!is_printable(c))
			return "it has a character that is not seen";
		text += n;
	}
	return NULL;
}

const char *prompt_untypable(const struct secret *secret)
{
	_cleanup_secret_ struct secret *text = NULL;

	for (size_t i = 0; i < secret->size; i++) {
		if (secret->data[i] == '\n' || secret->data[i] == '\r')
			return "it has a line end";
		if (secret->data[i] < ' ' || secret->data[i] == 0x7f)
			return "it has a control character";
	}
	if (secret->size > TYPED_MAX)
		return "it is too long";
	text = secret_new(secret->size + 1);
	if (!text)
		return NULL;
	memcpy(text->data, secret->data, secret->size);
	text->data[secret->size] = '\0';
	return find_unseen((const char *)text->data);
}

int prompt_new_secret(const struct question *question, struct secret **ret)
{
	_cleanup_secret_ struct secret *first = NULL, *second = NULL;
	struct question again = *question;
	int r = prompt_secret(question, &first);

	if (r < 0)
		return r;
	if (!first->size)
		return log_errno(EINVAL, "an empty secret protects nothing");
	if (!question->file && (question->agent || isatty(STDIN_FILENO))) {
		again.text = "The same again: ";
		r = prompt_secret(&again, &second);
		if (r < 0)
			return r;
		if (!secret_equal(first, second))
			return log_errno(EINVAL, "the two answers differ");
	}
	*ret = steal(first);
	return 0;
}

int prompt_confirm(int batch_mode, const char *question, ...)
{
	_cleanup_free_ char *text = NULL;
	char line[8] = "";
	va_list values;
	int n;

	if (batch_mode)
		return 0;
	va_start(values, question);
	n = vasprintf(&text, question, values);
	va_end(values);
	if (n < 0)
		return -ENOMEM;
	make_printable(text, "");
	if (!isatty(STDIN_FILENO))
		return log_errno(ECANCELED, "%s Use --batch-mode where nobody can be asked", text);
	signals_let();
	fprintf(stderr, "%s\nType YES, in capitals, to go on: ", text);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "YES\n"))
		return log_errno(ECANCELED,
				 "nothing was done, since the answer was not YES in capitals");
	return 0;
}
