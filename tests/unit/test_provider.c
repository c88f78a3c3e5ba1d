// SPDX-License-Identifier: LGPL-2.1-or-later
/* Providers that are slow, dead, hostile or in order: each gets its outcome within its deadline. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "custody/provider_wire.h"
#include "test.h"

#define DEADLINE_MS 1000  /* for those that never answer */
#define LATEST_MS   30000 /* for those that do: a busy machine takes its time */

static char directory[] = "/tmp/fve-test-provider.XXXXXX";

/* A provider for the scheme @name that is a shell script. */
static void stand_in(const char *name, const char *script, mode_t mode)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/fve-provider-%s", directory, name);
	file = fopen(path, "we");
	CHECK(file);
	if (!file)
		return;
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	CHECK(chmod(path, mode) == 0);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static const struct blob wrapped = {(uint8_t *)"wrapped", 7};

static void expect(const char *scheme, enum provider_outcome outcome, int error)
{
	_cleanup_secret_ struct secret *key = NULL;
	struct provider_error err;
	char uri[60];
	double start = seconds();
	int r;

	snprintf(uri, sizeof(uri), "%s:token=x", scheme);
	r = provider_unwrap(uri, PROVIDER_ALG_RSA, &wrapped,
			    outcome == PROVIDER_UNREACHABLE ? DEADLINE_MS : LATEST_MS, &key, &err);
	printf("%s: %d %s: %s\n", scheme, r, provider_outcome_names[err.outcome], err.detail);
	CHECK(r == error);
	CHECK(err.outcome == outcome);
	CHECK((seconds() - start) * 1000 < LATEST_MS);
	CHECK(!key == (outcome != PROVIDER_OK));
	CHECK(!key || (key->size == 5 && !memcmp(key->data, "hello", 5)));
	for (const char *c = err.detail; *c; c++)
		CHECK(*c >= ' ' && *c <= '~');
}

#define OK_ANSWER "printf '{\"type\":\"answer\",\"version\":1,\"outcome\":\"ok\",\"size\":5}\\n'"
#define ANSWER(outcome) \
	"echo '{\"type\":\"answer\",\"version\":1,\"outcome\":\"" outcome "\",\"detail\":\"told\"}'"

static void test_outcomes(void)
{
	/* The request is what the protocol has. */
	stand_in(
		"fine",
		"read -r line; case $line in *'\"uri\":\"fine:token=x\"'*'\"wrapped\":\"d3JhcHBlZA==\"'*) "
		"printf hello >&3; " OK_ANSWER ";; esac",
		0700);
	expect("fine", PROVIDER_OK, 0);
	stand_in("denied", ANSWER("denied"), 0700);
	expect("denied", PROVIDER_DENIED, -EACCES);
	stand_in("absent", ANSWER("absent"), 0700);
	expect("absent", PROVIDER_ABSENT, -ENOKEY);
	stand_in("down", ANSWER("unreachable"), 0700);
	expect("down", PROVIDER_UNREACHABLE, -EHOSTUNREACH);
	stand_in("badreq", ANSWER("badreq"), 0700);
	expect("badreq", PROVIDER_BADREQ, -EINVAL);
}

static void test_hostile(void)
{
	static const char *const hostile[] = {
		"exit 0",
		"exit 3",
		"kill -SEGV $$",
		"sleep 60",
		"trap '' TERM INT HUP; sleep 60 & wait",
		"exec >&-; sleep 60",
		/* Another holds the pipe open. */
		"sleep 60 &",
		"setsid sleep 5 & exit 0",
		"yes",
		"tr '\\0' x </dev/zero",
		"cat /dev/zero",
		"echo garbage",
		"echo '{}'",
		"printf '{\"type\":\"answer\",\"version\":1,\"outcome\":\"ok\",\"size\":5}'; sleep 60",
		"echo '{\"type\":\"answer\",\"version\":2,\"outcome\":\"ok\",\"size\":5}'",
		"echo '{\"type\":\"answer\",\"version\":1,\"outcome\":\"ok\",\"size\":5,\"more\":1}'",
		"echo '{\"type\":\"answer\",\"version\":1,\"outcome\":\"ok\",\"size\":5000}'",
		"echo '{\"type\":\"answer\",\"version\":1,\"outcome\":\"ok\",\"size\":-1}'",
		"echo '{\"type\":\"answer\",\"version\":1,\"outcome\":\"ok\"}'",
		"echo '{\"type\":\"answer\",\"version\":1,\"outcome\":\"unasked\"}'",
		"printf '{\"type\":\"answer\"\\0,\"version\":1}\\n'",
		"awk 'BEGIN { for (i = 0; i < 9000; i++) printf \"[\"; print \"\" }'",
		/* The page cannot be made shorter under us. */
		"truncate -s 0 /dev/fd/3; echo garbage",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		stand_in("hostile", hostile[i], 0700);
		printf("%s\n  ", hostile[i]);
		expect("hostile", PROVIDER_UNREACHABLE, -EHOSTUNREACH);
	}
	stand_in("escape",
		 "printf '{\"type\":\"answer\",\"version\":1,\"outcome\":\"denied\","
		 "\"detail\":\"\\\\u001b[31m\\\\u0000\\303\\244\"}\\n'",
		 0700);
	expect("escape", PROVIDER_DENIED, -EACCES);
}

/* What a provider has started is gone with it. */
static void test_group(void)
{
	char path[200], script[300];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "%s/pid", directory);
	snprintf(script, sizeof(script), "sleep 60 & echo $! >%s; " ANSWER("denied"), path);
	stand_in("group", script, 0700);
	expect("group", PROVIDER_DENIED, -EACCES);
	file = fopen(path, "re");
	CHECK(file && fscanf(file, "%d", &pid) == 1);
	if (file)
		fclose(file);
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	CHECK(pid > 0 && kill(pid, 0) < 0);
}

static void test_finding(void)
{
	struct stat st;
	char path[200];

	expect("missing", PROVIDER_BADREQ, -EINVAL);
	expect("", PROVIDER_BADREQ, -EINVAL);
	expect("../fine", PROVIDER_BADREQ, -EINVAL);
	expect("Fine", PROVIDER_BADREQ, -EINVAL);
	snprintf(path, sizeof(path), "%s/ran", directory);
	stand_in("open", "touch ${0%/*}/ran; " ANSWER("denied"), 0722);
	expect("open", PROVIDER_BADREQ, -EINVAL);
	CHECK(stat(path, &st) < 0);
	stand_in("plain", ANSWER("denied"), 0600);
	expect("plain", PROVIDER_UNREACHABLE, -EHOSTUNREACH);
}

static void test_hedge(void)
{
	static const struct {
		const char *a, *b;
		int error;
		enum provider_outcome outcome_a, outcome_b; /* PROVIDER_OUTCOMES: either */
	} cases[] = {
		{"fine:token=x", "fine:token=x", 0, PROVIDER_OUTCOMES, PROVIDER_OUTCOMES},
		{"fine:token=x", "hostile:", 0, PROVIDER_OK, PROVIDER_UNASKED},
		{"hostile:", "fine:token=x", 0, PROVIDER_UNASKED, PROVIDER_OK},
		{"fine:token=x", "denied:", 0, PROVIDER_OK, PROVIDER_OUTCOMES},
		{"denied:", "hostile:", -EACCES, PROVIDER_DENIED, PROVIDER_UNREACHABLE},
		{"absent:", "down:", -EHOSTUNREACH, PROVIDER_ABSENT, PROVIDER_UNREACHABLE},
		{"absent:", "badreq:", -ENOKEY, PROVIDER_ABSENT, PROVIDER_BADREQ},
		{"badreq:", "missing:", -EINVAL, PROVIDER_BADREQ, PROVIDER_BADREQ},
		{"hostile:", "hostile:", -EHOSTUNREACH, PROVIDER_UNREACHABLE, PROVIDER_UNREACHABLE},
	};
	unsigned int first[2] = {0};

	stand_in("hostile", "sleep 60", 0700);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct provider_wrap wraps[] = {{cases[i].a, PROVIDER_ALG_RSA, wrapped,
						       false},
						      {cases[i].b, PROVIDER_ALG_RSA, wrapped,
						       false}};
		_cleanup_secret_ struct secret *key = NULL;
		struct provider_error errs[2];
		size_t which = 7;
		int r = provider_unwrap_any(wraps, 2, cases[i].error ? 5 * DEADLINE_MS : LATEST_MS,
					    &key, &which, errs);

		printf("%s %s: %d, %s and %s\n", cases[i].a, cases[i].b, r,
		       provider_outcome_names[errs[0].outcome],
		       provider_outcome_names[errs[1].outcome]);
		CHECK(r == cases[i].error);
		CHECK(cases[i].outcome_a == PROVIDER_OUTCOMES ||
		      errs[0].outcome == cases[i].outcome_a);
		CHECK(cases[i].outcome_b == PROVIDER_OUTCOMES ||
		      errs[1].outcome == cases[i].outcome_b);
		CHECK(!key == (r < 0));
		CHECK(r < 0 || (which < 2 && errs[which].outcome == PROVIDER_OK));
	}
	/* Chance decides which is first: all alike 20 times is one in a million runs. */
	for (int i = 0; i < 20; i++) {
		const struct provider_wrap wraps[] = {{"fine:token=x", PROVIDER_ALG_RSA, wrapped,
						       false},
						      {"fine:token=x", PROVIDER_ALG_RSA, wrapped,
						       false}};
		_cleanup_secret_ struct secret *key = NULL;
		struct provider_error errs[2];
		size_t which = 0;

		CHECK(provider_unwrap_any(wraps, 2, LATEST_MS, &key, &which, errs) == 0);
		first[which]++;
	}
	CHECK(first[0] && first[1]);
}

static void test_wrap(void)
{
	_cleanup_secret_ struct secret *key = secret_copy("hello", 5);
	_cleanup_blob_ struct blob ret = {0};
	struct provider_error err;

	stand_in("wrap",
		 "[ \"$(head -c 5 /dev/fd/3)\" = hello ] && read -r line && case $line in "
		 "*'\"size\":5'*) echo '{\"type\":\"answer\",\"version\":1,\"outcome\":"
		 "\"ok\",\"wrapped\":\"d3JhcHBlZA==\"}';; esac",
		 0700);
	CHECK(provider_wrap("wrap:", "x", key, LATEST_MS, &ret, &err) == 0);
	CHECK(ret.size == wrapped.size && !memcmp(ret.data, wrapped.data, ret.size));
}

/* Whatever there is of a request or answer goes through the text and comes back. */
static void test_wire(void)
{
	struct provider_request request = {PROVIDER_UNWRAP, "a:\"\\\n", true, "alg", wrapped, 0};
	struct provider_answer answer = {.outcome = PROVIDER_OK,
					 .key = {.alg = "x",
						 .bits = 256,
						 .token = "t",
						 .extractable = false,
						 .end_date = "2027-01-31"}};
	_cleanup_request_ struct provider_request request_back = {0};
	_cleanup_answer_ struct provider_answer answer_back = {0};
	_cleanup_free_ char *text = provider_request_encode(&request), *answer_text = NULL;

	CHECK(text && !strchr(text, '\n') && provider_request_decode(text, &request_back) == 0);
	CHECK(request_back.from_header);
	CHECK(!strcmp(request_back.uri, request.uri) && !strcmp(request_back.alg, "alg"));
	CHECK(request_back.wrapped.size == 7);
	answer_text = provider_answer_encode(PROVIDER_INFO, &answer);
	CHECK(answer_text && provider_answer_decode(PROVIDER_INFO, answer_text, &answer_back) == 0);
	CHECK(answer_back.key.bits == 256 && !answer_back.key.extractable);
	CHECK(!strcmp(answer_back.key.end_date, "2027-01-31"));
	CHECK(provider_answer_decode(PROVIDER_UNWRAP, answer_text, &answer_back) == -EBADMSG);
}

int main(void)
{
	char command[100];

	CHECK(mkdtemp(directory));
	setenv("FVE_PROVIDERS", directory, 1);
	test_wire();
	test_outcomes();
	test_hostile();
	test_group();
	test_finding();
	test_hedge();
	test_wrap();
	snprintf(command, sizeof(command), "rm -r %s", directory);
	CHECK(system(command) == 0); /* NOLINT(cert-env33-c) */
	return test_done();
}
