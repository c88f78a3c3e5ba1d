/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who this machine is to a cloud service, in files of its administrator: a folder for each service
 * that it may ask, /etc/fve/SERVICE/NAME (docs/provider.md). The environment variable FVE_CONFIG
 * names another directory than /etc/fve. A URI that stood in a header chooses one of these folders
 * and nothing in it.
 */
#pragma once

#include "custody/provider_wire.h"
#include "provider/http.h"

struct identity {
	struct provider_answer *answer; /* borrowed; failures go there, as "badreq" */
	char *directory;		/* owned */
	char *ca;			/* owned */
	struct secret *proxy;		/* owned; NULL: none */
	struct http_route route;	/* borrows from the two above */
};

void identity_close(struct identity *identity);
#define _cleanup_identity_ __attribute__((cleanup(identity_close)))

/*
 * Open the folder of @service for @name, which is one word without "/" and no "..". Authorities are
 * in its ca.pem, else in that of the folder above, else they are the system's; "proxy" likewise.
 */
bool identity_open(struct identity *identity, const char *service, const char *name);

/* Return whether there is a file @name. */
bool identity_has(const struct identity *identity, const char *name);

/*
 * Read the one line of the file @name into the @size bytes at @ret. It may hold letters, digits and
 * @more. Where there is no such file it is @fallback; NULL: there must be one.
 */
bool identity_text(const struct identity *identity, const char *name, const char *fallback,
		   const char *more, char *ret, size_t size);

/* Read a secret file, which may be open to its owner only, without line ends at its end. It ends
 * with a NUL that does not count. NULL: it cannot be used. */
struct secret *identity_secret(const struct identity *identity, const char *name);

/* Read a file that is not secret, such as a certificate, as text owned by the caller. */
char *identity_file(const struct identity *identity, const char *name);
