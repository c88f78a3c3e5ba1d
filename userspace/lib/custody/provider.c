// SPDX-License-Identifier: LGPL-2.1-or-later
/* Running providers: each in a process group of its own, which is killed when its time is over. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "custody/provider_wire.h"

#define DIRECTORY  "/usr/lib/fve" /* FVE_PROVIDERS names another */
#define PREFIX	   "fve-provider-"
#define SCHEME_MAX 32
#define REAP_MS	   1000 /* for what was killed; one in uninterruptible sleep is left behind */

struct call {
	const struct provider_request *request; /* borrowed */
	struct secret *page;
	struct provider_answer answer;
	bool running;
	pid_t pid; /* and its process group */
	int out;
	char text[PROVIDER_TEXT_MAX + 1];
	size_t n;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * The provider of @uri's scheme. Whoever can write to its file can run code as us: only a file of
 * root's or our own that nobody else may write to.
 */
static int find_provider(const char *uri, char **ret, struct provider_answer *answer)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const char *directory = secure_getenv("FVE_PROVIDERS") ?: DIRECTORY;
	size_t length = strspn(uri, letters);
	_cleanup_free_ char *name = NULL, *path = NULL;
	struct stat st;

	if (!length || length > SCHEME_MAX || uri[length] != ':') {
		provider_answer_fail(answer, PROVIDER_BADREQ,
				     "its URI is not one of pkcs11:, kmip:, azure:, "
				     "aws: or another provider");
		return -EINVAL;
	}
	if (asprintf(&name, "%s/" PREFIX "%.*s", directory, (int)length, uri) < 0)
		return -ENOMEM;
	path = realpath(name, NULL);
	if (!path || stat(path, &st) < 0) {
		provider_answer_fail(answer, PROVIDER_BADREQ, "%s: %m", name);
		return -EINVAL;
	}
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 022) {
		provider_answer_fail(answer, PROVIDER_BADREQ, "%s can be written by others", path);
		return -EINVAL;
	}
	*ret = steal(path);
	return 0;
}

/* The request as a file, which cannot block us as a pipe could. */
static int request_file(const struct provider_request *request)
{
	_cleanup_free_ char *text = provider_request_encode(request);
	int fd = text ? memfd_create("fve-request", MFD_CLOEXEC) : -1;

	if (fd < 0)
		return -ENOMEM;
	if (dprintf(fd, "%s\n", text) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Become the provider, in the child, by calls that are safe between fork() and exec(). */
static void __attribute__((noreturn)) become(const char *path, int deadline_ms, const int fds[4])
{
	static const struct rlimit none = {0, 0};
	/* A provider that nobody waits for any more ends by itself. */
	const struct itimerval end = {.it_value = {deadline_ms / 1000, deadline_ms % 1000 * 1000}};
	sigset_t no_signals;
	int lifted[4];

	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&no_signals);
	sigprocmask(SIG_SETMASK, &no_signals, NULL);
	setitimer(ITIMER_REAL, &end, NULL);
	for (int i = 0; i < 4; i++)
		lifted[i] = fcntl(fds[i], F_DUPFD, 10);
	for (int i = 0; i < 4; i++)
		if (dup2(lifted[i], i) < 0)
			_exit(127);
	close_range(4, ~0U, 0);
	if (chdir("/") == 0)
		execve(path, (char *[]){(char *)path, NULL}, environ);
	_exit(127);
}

/* 0, or -errno with the call's answer saying why it could not be started. */
static int call_start(struct call *call, const struct provider_request *request,
		      const struct secret *key, int deadline_ms)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int in = -1, page = -1, errors = -1, reading = -1, writing = -1;
	int ends[2];
	int r;

	call->request = request;
	r = find_provider(request->uri, &path, &call->answer);
	if (r < 0)
		return r;
	call->page = secret_shared_new(PROVIDER_PAGE_SIZE, &page);
	in = request_file(request);
	/* Output of vendors' code is for somebody who looks for a fault. */
	errors = log_shows(LOG_LEVEL_DEBUG) ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10)
					    : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!call->page || in < 0 || errors < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		provider_answer_fail(&call->answer, PROVIDER_BADREQ, "cannot start %s: %m", path);
		return -ENOMEM;
	}
	reading = ends[0];
	writing = ends[1];
	if (key)
		memcpy(call->page->data, key->data, key->size);
	call->pid = fork();
	if (call->pid == 0)
		become(path, deadline_ms, (int[]){in, writing, errors, page});
	if (call->pid < 0) {
		provider_answer_fail(&call->answer, PROVIDER_BADREQ, "cannot start %s: %m", path);
		return -errno;
	}
	setpgid(call->pid, call->pid); /* whichever of the two is first */
	fcntl(reading, F_SETFL, O_NONBLOCK);
	call->out = reading;
	reading = -1;
	call->running = true;
	return 0;
}

/* Return whether the answer is complete, or none will come. */
static bool call_read(struct call *call)
{
	ssize_t n = read(call->out, call->text + call->n, PROVIDER_TEXT_MAX - call->n);

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	call->n += (size_t)n;
	return n == 0 || call->n == PROVIDER_TEXT_MAX || memchr(call->text, '\n', call->n);
}

/*
 * Let it end by itself: it finds nobody who listens, and does not give the key. A token of
 * SoftHSM's does not live through a SIGKILL in the middle of a login, which writes its file anew.
 */
static void call_leave(struct call *call)
{
	if (!call->running)
		return;
	call->running = false;
	close(call->out);
}

/* Kill it, with what it has started, and reap it. */
static void call_stop(struct call *call)
{
	int64_t end = now_ms() + REAP_MS;

	if (!call->running)
		return;
	call_leave(call);
	kill(-call->pid, SIGKILL);
	while (waitpid(call->pid, NULL, WNOHANG) == 0 && now_ms() < end)
		poll(NULL, 0, 1);
}

/* An answer must not promise what is not there, and is not believed in what can be looked at. */
static bool answer_holds(enum provider_action action, struct provider_answer *answer)
{
	if (answer->outcome != PROVIDER_OK)
		return true;
	if (action == PROVIDER_WRAP)
		return answer->wrapped.size > 0;
	if (action == PROVIDER_INFO && answer->key.spki.size)
		return crypto_rsa_bits(&answer->key.spki, &answer->key.bits) == 0;
	return true;
}

/* The answer has been read, or it has ended without one. */
static void call_finish(struct call *call)
{
	char *line_end = memchr(call->text, '\n', call->n);

	call_stop(call);
	call->text[call->n] = '\0';
	if (line_end)
		*line_end = '\0';
	if (line_end && strlen(call->text) == (size_t)(line_end - call->text) &&
	    provider_answer_decode(call->request->action, call->text, &call->answer) == 0 &&
	    answer_holds(call->request->action, &call->answer))
		return;
	provider_answer_fail(&call->answer, PROVIDER_UNREACHABLE,
			     call->n ? "its provider gave no answer that could be understood"
				     : "its provider ended without an answer");
}

static void call_release(struct call *call)
{
	call_stop(call);
	secret_free(call->page);
	provider_answer_free(&call->answer);
	free(call);
}

/* Calls that start PROVIDER_HEDGE_MS apart, or as soon as all that run have failed. */
struct race {
	struct call *calls[PROVIDER_WRAPS_MAX];
	const struct provider_request *requests; /* borrowed */
	size_t n;
	int winner; /* or -1 */
};

static void race_release(struct race *race)
{
	for (size_t i = 0; i < race->n; i++)
		if (race->calls[i])
			call_release(race->calls[i]);
}
#define _cleanup_race_ __attribute__((cleanup(race_release)))

static int race_init(struct race *race, const struct provider_request *requests, size_t n)
{
	race->requests = requests;
	race->winner = -1;
	for (race->n = 0; race->n < n; race->n++) {
		race->calls[race->n] = calloc(1, sizeof(struct call));
		if (!race->calls[race->n])
			return -ENOMEM;
		race->calls[race->n]->answer.outcome = PROVIDER_UNASKED;
	}
	return 0;
}

/* Wait until @until, and take what the running ones have said. Gives how many run still. */
static size_t race_poll(struct race *race, int64_t until)
{
	struct pollfd fds[PROVIDER_WRAPS_MAX];
	int64_t wait = until - now_ms();
	size_t running = 0;

	/* poll(2) leaves out what is negative. */
	for (size_t i = 0; i < race->n; i++)
		fds[i] = (struct pollfd){
			.fd = race->calls[i]->running ? race->calls[i]->out : -1,
			.events = POLLIN,
		};
	if (poll(fds, race->n, wait < 0 ? 0 : (int)wait) < 0)
		for (size_t i = 0; i < race->n; i++)
			fds[i].revents = 0;
	for (size_t i = 0; i < race->n; i++) {
		struct call *call = race->calls[i];

		if (fds[i].revents && call_read(call)) {
			call_finish(call);
			if (call->answer.outcome == PROVIDER_OK && race->winner < 0)
				race->winner = (int)i;
		}
		running += call->running;
	}
	return running;
}

static void race_run(struct race *race, const struct secret *key, int deadline_ms)
{
	int64_t end = now_ms() + deadline_ms, next = 0;
	size_t started = 0, running = 0;

	while (race->winner < 0 && now_ms() < end) {
		while (started < race->n && (!running || now_ms() >= next)) {
			running += call_start(race->calls[started], &race->requests[started], key,
					      deadline_ms) == 0;
			started++;
			next = now_ms() + PROVIDER_HEDGE_MS;
		}
		if (!running)
			return;
		running = race_poll(race, started < race->n && next < end ? next : end);
	}
	for (size_t i = 0; i < race->n; i++) {
		struct call *call = race->calls[i];

		if (race->winner < 0 && (call->running || i >= started))
			provider_answer_fail(&call->answer, PROVIDER_UNREACHABLE,
					     "no answer within %d ms", deadline_ms);
		if (race->winner < 0)
			call_stop(call);
		else
			call_leave(call);
	}
}

static int error_of(enum provider_outcome outcome)
{
	switch (outcome) {
	case PROVIDER_OK:
		return 0;
	case PROVIDER_DENIED:
		return -EACCES;
	case PROVIDER_ABSENT:
		return -ENOKEY;
	case PROVIDER_UNREACHABLE:
		return -EHOSTUNREACH;
	default:
		return -EINVAL;
	}
}

static void set_error(struct provider_error *err, enum provider_outcome outcome, const char *detail)
{
	err->outcome = outcome;
	snprintf(err->detail, sizeof(err->detail), "%s", detail);
}

/* Make a request. It will be refused where a URI or algorithm is too long and is left out. */
static struct provider_request make_request(enum provider_action action, const char *uri,
					    const char *alg)
{
	struct provider_request request = {.action = action};

	if (strlen(uri) <= PROVIDER_URI_MAX && strlen(alg) <= PROVIDER_ALG_MAX) {
		strcpy(request.uri, uri);
		strcpy(request.alg, alg);
	}
	return request;
}

/* Send one request to one provider. The caller releases @race. */
static int ask(struct race *race, const struct provider_request *request, const struct secret *key,
	       int deadline_ms, struct provider_error *err)
{
	int r = race_init(race, request, 1);

	if (r < 0) {
		set_error(err, PROVIDER_BADREQ, "out of memory");
		return r;
	}
	race_run(race, key, deadline_ms);
	set_error(err, race->calls[0]->answer.outcome, race->calls[0]->answer.detail);
	return error_of(err->outcome);
}

int provider_info(const char *uri, int deadline_ms, struct provider_key *ret,
		  struct provider_error *err)
{
	_cleanup_race_ struct race race = {0};
	const struct provider_request request = make_request(PROVIDER_INFO, uri, "");
	int r = ask(&race, &request, NULL, deadline_ms, err);

	if (r < 0)
		return r;
	*ret = race.calls[0]->answer.key;
	race.calls[0]->answer.key = (struct provider_key){0};
	return 0;
}

int provider_status(const char *uri, int deadline_ms, struct provider_error *err)
{
	_cleanup_race_ struct race race = {0};
	const struct provider_request request = make_request(PROVIDER_STATUS, uri, "");

	return ask(&race, &request, NULL, deadline_ms, err);
}

int provider_wrap(const char *uri, const char *alg, const struct secret *key, int deadline_ms,
		  struct blob *ret, struct provider_error *err)
{
	_cleanup_race_ struct race race = {0};
	struct provider_request request = make_request(PROVIDER_WRAP, uri, alg);
	int r;

	if (!key->size || key->size > PROVIDER_KEY_MAX) {
		set_error(err, PROVIDER_BADREQ, "such a key cannot be wrapped");
		return -EINVAL;
	}
	request.size = (uint32_t)key->size;
	r = ask(&race, &request, key, deadline_ms, err);
	if (r < 0)
		return r;
	*ret = race.calls[0]->answer.wrapped;
	race.calls[0]->answer.wrapped = (struct blob){0};
	return 0;
}

int provider_unwrap(const char *uri, const char *alg, const struct blob *wrapped, int deadline_ms,
		    struct secret **ret, struct provider_error *err)
{
	const struct provider_wrap wrap = {.uri = uri, .alg = alg, .wrapped = *wrapped};
	size_t which;

	return provider_unwrap_any(&wrap, 1, deadline_ms, ret, &which, err);
}

/* Choose the order by chance, so that every root is in use and a dead one is noticed. */
static void shuffle(size_t order[], size_t n)
{
	uint8_t chance[PROVIDER_WRAPS_MAX] = {0};

	if (getrandom(chance, sizeof(chance), 0) < 0)
		log_debug("getrandom: %m");
	for (size_t i = 0; i < n; i++) {
		size_t k = chance[i] % (i + 1);

		order[i] = order[k];
		order[k] = i;
	}
}

/* Return the error for wraps that have all failed, perhaps in different ways. */
static int worst_of(const struct provider_error errs[], size_t n)
{
	static const enum provider_outcome order[] = {PROVIDER_DENIED, PROVIDER_UNREACHABLE,
						      PROVIDER_ABSENT};

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (size_t i = 0; i < n; i++)
			if (errs[i].outcome == order[k])
				return error_of(order[k]);
	return -EINVAL;
}

int provider_unwrap_any(const struct provider_wrap *wraps, size_t n, int deadline_ms,
			struct secret **ret, size_t *ret_which, struct provider_error errs[])
{
	_cleanup_race_ struct race race = {0};
	struct provider_request requests[PROVIDER_WRAPS_MAX];
	size_t order[PROVIDER_WRAPS_MAX];

	if (!n || n > PROVIDER_WRAPS_MAX)
		return -EINVAL;
	shuffle(order, n);
	for (size_t i = 0; i < n; i++) {
		const struct provider_wrap *wrap = &wraps[order[i]];

		requests[i] = make_request(PROVIDER_UNWRAP, wrap->uri, wrap->alg);
		requests[i].wrapped = wrap->wrapped;
		requests[i].from_header = wrap->from_header;
		set_error(&errs[i], PROVIDER_BADREQ, "out of memory");
	}
	if (race_init(&race, requests, n) < 0)
		return -ENOMEM;
	race_run(&race, NULL, deadline_ms);
	for (size_t i = 0; i < n; i++)
		set_error(&errs[order[i]], race.calls[i]->answer.outcome,
			  race.calls[i]->answer.detail);
	if (race.winner < 0)
		return worst_of(errs, n);
	*ret_which = order[race.winner];
	*ret = secret_copy(race.calls[race.winner]->page->data,
			   race.calls[race.winner]->answer.size);
	return *ret ? 0 : -ENOMEM;
}
