// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mutual TLS with OpenSSL. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/private.h"
#include "provider/tls.h"

DEFINE_CLEANUP(SSL_CTX, SSL_CTX_free)
DEFINE_CLEANUP(SSL, SSL_free)

static int failed(struct tls_error *err, int error, const char *what, const char *object)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(err->text, sizeof(err->text), "%s %s%s%s", what, object, reason ? ": " : "",
		 reason ?: "");
	return -error;
}

static int connect_to(const char *host, const char *port, struct tls_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int fd = -1, error = getaddrinfo(host, port, &hints, &list);

	if (error) {
		snprintf(err->text, sizeof(err->text), "%s: %s", host, gai_strerror(error));
		return -EHOSTUNREACH;
	}
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
			error = errno;
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd < 0) {
		snprintf(err->text, sizeof(err->text), "%s:%s: %s", host, port, strerror(error));
		return -EHOSTUNREACH;
	}
	return fd;
}

static int use_file(SSL_CTX *ctx, const char *directory, const char *name,
		    int (*use)(SSL_CTX *, const char *), struct tls_error *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	return use(ctx, path) == 1 ? 0 : failed(err, ENOKEY, "cannot use", path);
}

static int use_key(SSL_CTX *ctx, const char *path)
{
	return SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1 &&
	       SSL_CTX_check_private_key(ctx) == 1;
}

/* Make a connection that accepts only the host of the URI, certified by our own authority. */
static int set_up(SSL_CTX *ctx, SSL **ret, const char *host, const char *directory,
		  struct tls_error *err)
{
	_cleanup_with_(SSL_free) SSL *ssl = NULL;
	struct in6_addr address;
	bool numeric = inet_pton(AF_INET, host, &address) == 1;
	int r;

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return -ENOMEM;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	r = use_file(ctx, directory, "ca.pem", SSL_CTX_load_verify_file, err);
	if (r < 0)
		return r;
	r = use_file(ctx, directory, "cert.pem", SSL_CTX_use_certificate_chain_file, err);
	if (r < 0)
		return r;
	r = use_file(ctx, directory, "key.pem", use_key, err);
	if (r < 0)
		return r;
	ssl = SSL_new(ctx);
	if (!ssl || (numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
			     : SSL_set1_host(ssl, host)) != 1)
		return -ENOMEM;
	if (!numeric && SSL_set_tlsext_host_name(ssl, host) != 1)
		return -ENOMEM;
	*ret = steal(ssl);
	return 0;
}

/* Read exactly @size bytes. */
static bool read_all(SSL *ssl, uint8_t *data, size_t size)
{
	for (size_t done = 0, n; done < size; done += n)
		if (SSL_read_ex(ssl, data + done, size - done, &n) != 1)
			return false;
	return true;
}

static int read_response(SSL *ssl, struct secret **ret)
{
	_cleanup_secret_ struct secret *response = secret_new(KMIP_MESSAGE_MAX);
	size_t size;

	if (!response)
		return -ENOMEM;
	if (!read_all(ssl, response->data, KMIP_HEADER_SIZE) ||
	    ttlv_size(response->data, &size) < 0 ||
	    !read_all(ssl, response->data + KMIP_HEADER_SIZE, size - KMIP_HEADER_SIZE))
		return -EHOSTUNREACH;
	secret_truncate(response, size);
	*ret = steal(response);
	return 0;
}

int tls_exchange(const char *host, const char *port, const char *directory,
		 const struct secret *request, struct secret **ret, struct tls_error *err)
{
	_cleanup_with_(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	_cleanup_with_(SSL_free) SSL *ssl = NULL;
	_cleanup_close_ int fd = -1;
	size_t written;
	int r;

	snprintf(err->text, sizeof(err->text), "out of memory");
	signal(SIGPIPE, SIG_IGN);
	r = set_up(ctx, &ssl, host, directory, err);
	if (r < 0)
		return r;
	fd = connect_to(host, port, err);
	if (fd < 0)
		return fd;
	if (SSL_set_fd(ssl, fd) != 1)
		return -ENOMEM;
	if (SSL_connect(ssl) != 1)
		return failed(err, EHOSTUNREACH, "no TLS with", host);
	if (SSL_write_ex(ssl, request->data, request->size, &written) != 1)
		return failed(err, EHOSTUNREACH, "cannot send to", host);
	r = read_response(ssl, ret);
	if (r < 0)
		return failed(err, -r, "no KMIP response from", host);
	SSL_shutdown(ssl);
	return 0;
}
