/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exchanging KMIP messages over mutual TLS, version 1.2 or later. */
#pragma once

#include "custody/ttlv.h"

/* The step of a connection that failed, in words for a person. */
struct tls_error {
	char text[200];
};

/*
 * Send @request to @host:@port and give the response, which the caller owns. @directory holds our
 * certificate and key, cert.pem and key.pem, and in ca.pem the authorities that may have issued the
 * server's certificate. Returns 0, or -errno with @err filled in. -ENOKEY: these files cannot be
 * used; -EHOSTUNREACH: the server cannot be reached, is another, or does not answer properly. There
 * is no deadline here, since the process has one.
 */
int tls_exchange(const char *host, const char *port, const char *directory,
		 const struct secret *request, struct secret **ret, struct tls_error *err);
