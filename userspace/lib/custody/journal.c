// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "crypto/crypto.h"
#include "custody/journal.h"

#define SOCKET	   "/run/systemd/journal/socket"
#define ID_LENGTH  32 /* hex digits of a MESSAGE_ID, sd_journal_print(3) */
#define FIELD_NAME 64 /* bytes of a field's name, systemd.journal-fields(7) */

/* A value with a line end has its length before it, little-endian; any other ends with the line. */
static void put(FILE *to, const char *name, const char *value)
{
	uint64_t size = htole64(strlen(value));

	if (!strchr(value, '\n')) {
		fprintf(to, "%s=%s\n", name, value);
		return;
	}
	fprintf(to, "%s\n", name);
	fwrite(&size, sizeof(size), 1, to);
	fprintf(to, "%s\n", value);
}

static void put_field(FILE *to, const struct journal_field *field)
{
	char name[FIELD_NAME + 1];

	if (!field->value)
		return;
	snprintf(name, sizeof(name), "FVE_%s", field->name);
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	put(to, name, field->value);
}

static int message_id(const char *event, char ret[ID_LENGTH + 1])
{
	static const char prefix[] = "fve-audit:";
	const struct span parts[] = {{prefix, strlen(prefix)}, {event, strlen(event)}};
	uint8_t digest[SHA256_SIZE];
	int r = crypto_sha256(parts, ARRAY_SIZE(parts), digest);

	for (size_t i = 0; r == 0 && i < ID_LENGTH / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	return r;
}

/* Whether the journal has taken it. */
static bool send_datagram(const void *data, size_t size)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && sendto(fd, data, size, MSG_NOSIGNAL, (const struct sockaddr *)&to,
				 sizeof(to)) == (ssize_t)size;
}

void journal_send(const char *event, const char *message, const struct journal_field *fields,
		  size_t n)
{
	_cleanup_free_ char *data = NULL;
	char id[ID_LENGTH + 1];
	size_t size = 0;
	FILE *to = message_id(event, id) == 0 ? open_memstream(&data, &size) : NULL;

	if (to) {
		put(to, "MESSAGE", message);
		put(to, "MESSAGE_ID", id);
		fprintf(to, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=fvesetup\n",
			LOG_NOTICE, LOG_AUTHPRIV >> 3);
		put_field(to, &(struct journal_field){"event", event});
		for (size_t i = 0; i < n; i++)
			put_field(to, &fields[i]);
	}
	if (!to || fclose(to) != 0 || !data || !send_datagram(data, size))
		syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", message);
}
