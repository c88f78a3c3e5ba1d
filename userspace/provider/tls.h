/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One request and one response over mutual TLS, 1.2 or later. */
#ifndef FVE_TLS_H
#define FVE_TLS_H

#include "custody/ttlv.h"

/* What of a connection did not work, for a person. */
struct tls_error {
	char text[200];
};

/*
 * Send @request to @host:@port and read the response. Our certificate and key, and the certificates
 * that the server's must go back to, are cert.pem, key.pem and ca.pem in @directory. -ENOKEY:
 * these cannot be used; -EHOSTUNREACH: the server is not there, is not the one that it should be,
 * or does not speak as it should. There is no deadline here: the process has one.
 */
int tls_exchange(const char *host, const char *port, const char *directory,
		 const struct secret *request, struct secret **ret, struct tls_error *err);

#endif
