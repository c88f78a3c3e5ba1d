// SPDX-License-Identifier: LGPL-2.1-or-later
/* HTTPS with libcurl. */
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

#include "provider/http.h"
#include "provider/serve.h"

/* As docs/provider.md has it; for a process that has no timer of its own. */
#define DEADLINE_MS 10000
#define ANSWER_MS   300	  /* what is left for saying that there is no answer */
#define HEADERS_MAX 65536 /* bytes of all headers of one answer */
#define ATTEMPTS    6
#define FIRST_MS    200 /* before the second attempt, where the service says nothing; then doubled */
#define JITTER_MS   200 /* at most added, so that machines that were told the same do not meet */
#define STEP_MS	    100

DEFINE_CLEANUP(CURL, curl_easy_cleanup)
#define _cleanup_curl_ _cleanup_with_(curl_easy_cleanup)

/* What comes in. */
struct incoming {
	struct http_answer *answer;
	size_t used, headers;
};

void http_answer_free(struct http_answer *answer)
{
	secret_free(answer->body);
}

static int failed(struct http_error *err, int error, const char *format, ...) _printf_(3, 4);

static int failed(struct http_error *err, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -error;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The moment by which a request must be over: fvesetup has set a timer that ends the process. */
static int64_t end_ms(void)
{
	struct itimerval timer;
	int64_t left = DEADLINE_MS;

	if (getitimer(ITIMER_REAL, &timer) == 0 &&
	    (timer.it_value.tv_sec || timer.it_value.tv_usec))
		left = (int64_t)timer.it_value.tv_sec * 1000 + timer.it_value.tv_usec / 1000;
	return now_ms() + left - (left > 4 * ANSWER_MS ? ANSWER_MS : left / 4);
}

/* libcurl gives @size as 1. Fewer bytes taken than given end the transfer. */
static size_t take_body(char *data, size_t size, size_t n, void *user)
{
	struct incoming *in = user;

	if (size * n > HTTP_BODY_MAX - in->used)
		return 0;
	memcpy(in->answer->body->data + in->used, data, size * n);
	in->used += size * n;
	return size * n;
}

static size_t take_header(char *data, size_t size, size_t n, void *user)
{
	struct incoming *in = user;

	(void)data;
	in->headers += size * n;
	return in->headers > HEADERS_MAX ? 0 : size * n;
}

/* Where the request may go, and by whom the server must be certified. */
static bool set_route(CURL *curl, const struct http_route *route,
		      const struct http_request *request)
{
	bool plain = request->plain;
	const char *proxy = route->proxy && !plain ? (char *)route->proxy->data : "";

	return !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") &&
	       !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) &&
	       /* "": not what the environment says, either. */
	       !curl_easy_setopt(curl, CURLOPT_PROXY, proxy) &&
	       !curl_easy_setopt(curl, CURLOPT_NOPROXY, "") &&
	       !curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
	       !curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       !curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       !curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) &&
	       !curl_easy_setopt(curl, CURLOPT_CAINFO, route->ca);
}

static bool set_signature(CURL *curl, const struct http_request *request)
{
	return !request->signature ||
	       (!curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->signature) &&
		!curl_easy_setopt(curl, CURLOPT_USERNAME, request->key_id) &&
		!curl_easy_setopt(curl, CURLOPT_PASSWORD, (char *)request->key->data));
}

static bool set_request(CURL *curl, const struct http_request *request, struct curl_slist *headers,
			struct incoming *in)
{
	if (request->body &&
	    (curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body->size) ||
	     curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (char *)request->body->data)))
		return false;
	return !curl_easy_setopt(curl, CURLOPT_URL, request->url) &&
	       !curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) &&
	       !curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEDATA, in) &&
	       !curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) &&
	       !curl_easy_setopt(curl, CURLOPT_HEADERDATA, in) &&
	       /* The timer's signal is the deadline's. */
	       !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
	       /* Not wait for a name server after the deadline. */
	       !curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
}

static int why_failed(CURLcode code, const char *details, const struct http_route *route,
		      struct http_error *err)
{
	const char *why = *details ? details : curl_easy_strerror(code);

	if (code == CURLE_SSL_CACERT_BADFILE)
		return failed(err, ENOKEY, "cannot use the authorities in %s", route->ca);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return failed(err, EINVAL, "there is no such address: %s", why);
	if (code == CURLE_WRITE_ERROR)
		return failed(err, EHOSTUNREACH, "the answer is too long");
	return failed(err, EHOSTUNREACH, "%s", why);
}

/* Ask once, and give the seconds that the service wants us to wait; 0: it does not say. */
static int ask_once(const struct http_route *route, const struct http_request *request,
		    struct curl_slist *headers, int64_t left_ms, struct http_answer *ret,
		    curl_off_t *ret_wait, struct http_error *err)
{
	_cleanup_curl_ CURL *curl = curl_easy_init();
	char details[CURL_ERROR_SIZE] = "";
	struct incoming in = {.answer = ret};
	CURLcode code;

	secret_free(ret->body);
	ret->body = secret_new(HTTP_BODY_MAX + 1);
	if (left_ms <= 0)
		return failed(err, EHOSTUNREACH, "no answer in time");
	if (!curl || !ret->body || !set_request(curl, request, headers, &in) ||
	    !set_route(curl, route, request) || !set_signature(curl, request) ||
	    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details) ||
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms))
		return failed(err, EINVAL, "the request cannot be made");
	code = curl_easy_perform(curl);
	secret_truncate(ret->body, in.used);
	if (code)
		return why_failed(code, details, route, err);
	if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status) ||
	    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, ret_wait))
		return failed(err, EHOSTUNREACH, "the answer is none");
	return 0;
}

static bool is_busy(const struct http_request *request, const struct http_answer *answer)
{
	return answer->status == 408 || answer->status == 429 || answer->status >= 500 ||
	       (request->is_busy && request->is_busy(answer));
}

/* Wait before attempt number @attempt. False: the deadline does not allow it, or nobody waits for
 * us any more. */
static bool wait_turn(int attempt, curl_off_t seconds, int64_t end)
{
	static const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	int64_t wait = FIRST_MS << attempt, until;
	uint32_t jitter = 0;

	if (seconds > 0)
		wait = seconds > DEADLINE_MS ? INT32_MAX : seconds * 1000;
	if (getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK) < 0)
		jitter = 0;
	until = now_ms() + wait + jitter % JITTER_MS;
	if (until >= end)
		return false;
	while (now_ms() < until && !serve_is_left())
		nanosleep(&step, NULL);
	return !serve_is_left();
}

/* As a list for libcurl, which reads it in place. Made here, so that a secret one is not copied. */
static struct curl_slist *list_headers(const struct http_request *request, struct curl_slist *list,
				       size_t n)
{
	struct curl_slist *first = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *header = i < ARRAY_SIZE(request->headers) ? request->headers[i]
				     : request->auth		      ? (char *)request->auth->data
								      : NULL;

		if (!header)
			continue;
		list[i] = (struct curl_slist){(char *)header, first};
		first = &list[i];
	}
	return first;
}

int http_ask(const struct http_route *route, const struct http_request *request,
	     struct http_answer *ret, struct http_error *err)
{
	struct curl_slist nodes[ARRAY_SIZE(request->headers) + 1];
	struct curl_slist *headers = list_headers(request, nodes, ARRAY_SIZE(nodes));
	int64_t end = end_ms();
	curl_off_t wait = 0;
	int r;

	/* A variable that has the keys of a connection written to a file. */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return failed(err, EINVAL, "libcurl does not start");
	for (int attempt = 0;; attempt++) {
		r = ask_once(route, request, headers, end - now_ms(), ret, &wait, err);
		if (r < 0 || !is_busy(request, ret) || attempt + 1 == ATTEMPTS ||
		    !wait_turn(attempt, wait, end))
			return r;
	}
}
