// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Escrow packets and acknowledgements. The password is the last member of a packet, so that it is
 * written and read without json-c, which would leave copies of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "base/log.h"
#include "crypto/cms.h"
#include "custody/escrow.h"
#include "keys/recovery.h"
#include "os/file.h"

#define PACKET	       "fve-escrow"
#define ACK	       "fve-escrow-ack"
#define BEFORE	       ",\"recovery\":\""
#define AFTER	       "\"}"
#define PASSWORD_PLACE (sizeof(BEFORE) - 1 + RECOVERY_TEXT_LENGTH + sizeof(AFTER) - 1)

/* Certificates as PEM text. */
struct certs {
	char *pem[ESCROW_CERTS_MAX];
	size_t n;
};

static void certs_free(struct certs *certs)
{
	for (size_t i = 0; i < certs->n; i++)
		free(certs->pem[i]);
}
#define _cleanup_certs_ __attribute__((cleanup(certs_free)))

static int load_certs(const char *const files[], size_t n, struct certs *ret)
{
	for (ret->n = 0; ret->n < n; ret->n++) {
		struct blob data = {0};
		int r = file_read(files[ret->n], ESCROW_FILE_MAX, &data);

		if (r < 0)
			return log_errno(-r, "cannot read the certificate %s: %s", files[ret->n],
					 strerror(-r));
		ret->pem[ret->n] = (char *)data.data;
	}
	return 0;
}

static int load_key(const char *path, struct secret **ret)
{
	_cleanup_secret_ struct secret *key = secret_new(ESCROW_FILE_MAX);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (!key)
		return -ENOMEM;
	n = fd < 0 ? -1 : read(fd, key->data, key->size);
	if (n < 0)
		return log_errno(errno, "cannot read the key %s: %m", path);
	secret_truncate(key, (size_t)n);
	*ret = steal(key);
	return 0;
}

static void head_members(struct members *m, void *data)
{
	struct escrow_packet *packet = data;

	member_text(m, "host", packet->host, sizeof(packet->host));
	member_text(m, "volume", packet->volume, sizeof(packet->volume));
	member_text(m, "protector", packet->protector, sizeof(packet->protector));
	member_time(m, "created", packet->created);
}

static char *format_head(const char *volume, const char *protector)
{
	struct escrow_packet packet = {0};
	struct utsname host;

	token_time_now(packet.created);
	uname(&host);
	if (text_copy(packet.host, sizeof(packet.host), host.nodename) < 0 ||
	    text_copy(packet.volume, sizeof(packet.volume), volume) < 0 ||
	    text_copy(packet.protector, sizeof(packet.protector), protector) < 0)
		return NULL;
	return members_format(PACKET, head_members, &packet);
}

static int cannot_encrypt(const char *cert)
{
	return log_errno(EINVAL,
			 "nothing can be encrypted to %s: it takes a certificate (PEM) with a key "
			 "of EC, or of RSA with 2048 bits or more",
			 cert);
}

int escrow_seal(const char *const certs[], size_t n, const char *volume, const char *protector,
		const struct secret *password, struct blob *ret)
{
	_cleanup_free_ char *head = format_head(volume, protector);
	size_t length = head ? strlen(head) - 1 : 0; /* without the brace at its end */
	_cleanup_secret_ struct secret *text = secret_new(length + PASSWORD_PLACE);
	_cleanup_certs_ struct certs loaded = {0};
	size_t bad;
	uint8_t *p;
	int r = load_certs(certs, n, &loaded);

	if (r < 0)
		return r;
	if (!head || !text)
		return -ENOMEM;
	if (password->size != RECOVERY_TEXT_LENGTH)
		return -EINVAL;
	p = mempcpy(text->data, head, length);
	p = mempcpy(p, BEFORE, strlen(BEFORE));
	p = mempcpy(p, password->data, password->size);
	mempcpy(p, AFTER, strlen(AFTER));
	r = crypto_cms_encrypt((const char *const *)loaded.pem, n, text, ret, &bad);
	return r == -EBADMSG ? cannot_encrypt(certs[bad]) : r;
}

int escrow_seal_key(const char *const certs[], size_t n, const struct secret *key, struct blob *ret)
{
	_cleanup_secret_ struct secret *inner = secret_copy(key->data, key->size);
	_cleanup_certs_ struct certs loaded = {0};
	int r = load_certs(certs, n, &loaded);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const char *pem = loaded.pem[i];
		struct blob packet = {0};
		size_t bad;

		if (!inner)
			return -ENOMEM;
		r = crypto_cms_encrypt(&pem, 1, inner, &packet, &bad);
		if (r < 0)
			return r == -EBADMSG ? cannot_encrypt(certs[i]) : r;
		secret_free(inner);
		inner = i + 1 < n ? secret_copy(packet.data, packet.size) : NULL;
		if (i + 1 == n)
			*ret = packet;
		else
			blob_free(&packet);
	}
	return 0;
}

int escrow_parse(const struct secret *text, struct escrow_packet *ret, struct secret **ret_password)
{
	_cleanup_secret_ struct secret *typed = NULL, *password = NULL;
	_cleanup_free_ char *head = NULL;
	unsigned int group;
	const uint8_t *place;
	size_t length;
	int r;

	*ret = (struct escrow_packet){0};
	if (text->size <= PASSWORD_PLACE)
		return -EBADMSG;
	length = text->size - PASSWORD_PLACE;
	place = text->data + length;
	if (memcmp(place, BEFORE, strlen(BEFORE)) != 0 ||
	    memcmp(text->data + text->size - strlen(AFTER), AFTER, strlen(AFTER)) != 0 ||
	    memchr(text->data, '\0', length))
		return -EBADMSG;
	typed = secret_copy(place + strlen(BEFORE), RECOVERY_TEXT_LENGTH);
	if (!typed || asprintf(&head, "%.*s}", (int)length, (const char *)text->data) < 0)
		return -ENOMEM;
	r = members_parse(head, PACKET, head_members, ret);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	r = recovery_parse(typed, &password, &group);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	*ret_password = steal(password);
	return 0;
}

static int decrypt(const struct secret *private, const char *cert, const struct blob *packet,
		   struct escrow_packet *ret, struct secret **ret_password)
{
	_cleanup_secret_ struct secret *text = NULL;
	int r = crypto_cms_decrypt(private, cert, packet, &text);

	return r < 0 ? r : escrow_parse(text, ret, ret_password);
}

int escrow_open(const char *cert, const char *key, const struct blob *packet,
		struct escrow_packet *ret, struct secret **ret_password)
{
	_cleanup_secret_ struct secret *private = NULL;
	_cleanup_certs_ struct certs public = {0};
	int r = load_certs(&cert, 1, &public);

	if (r < 0)
		return r;
	r = load_key(key, &private);
	if (r < 0)
		return r;
	r = decrypt(private, public.pem[0], packet, ret, ret_password);
	if (r == -EINVAL)
		return log_errno(EINVAL, "%s and %s are no certificate and key (PEM)", cert, key);
	if (r == -EKEYREJECTED)
		return log_errno(EKEYREJECTED, "the packet is not for %s, or was changed", cert);
	if (r == -EBADMSG)
		return log_errno(EBADMSG, "this is no packet with a recovery password that "
					  "this version knows how to read");
	return r;
}

/* What is acknowledged. */
struct ack {
	uint8_t packet[SHA256_SIZE]; /* digest of the packet */
	char created[TIME_LENGTH + 1];
};

static void ack_members(struct members *m, void *data)
{
	struct ack *ack = data;

	member_hex(m, "packet", ack->packet, sizeof(ack->packet));
	member_time(m, "created", ack->created);
}

int escrow_ack(const char *cert, const char *key, const struct blob *packet, struct blob *ret)
{
	_cleanup_secret_ struct secret *private = NULL;
	_cleanup_certs_ struct certs public = {0};
	_cleanup_free_ char *text = NULL, *pem = NULL;
	struct ack named;
	int r = crypto_sha256(&(struct span){packet->data, packet->size}, 1, named.packet);

	if (r < 0)
		return r;
	r = load_certs(&cert, 1, &public);
	if (r < 0)
		return r;
	r = load_key(key, &private);
	if (r < 0)
		return r;
	token_time_now(named.created);
	text = members_format(ACK, ack_members, &named);
	if (!text)
		return -ENOMEM;
	r = crypto_cms_sign(private, public.pem[0], text, strlen(text), &pem);
	if (r == -EBADMSG || r == -EIO)
		return log_errno(EINVAL, "%s cannot sign for %s", key, cert);
	return r < 0 ? r : blob_set(ret, pem, strlen(pem));
}

int escrow_check_ack(const char *const certs[], size_t n, const struct blob *packet,
		     const struct blob *ack)
{
	_cleanup_blob_ struct blob content = {0};
	_cleanup_certs_ struct certs loaded = {0};
	_cleanup_free_ char *text = NULL;
	uint8_t digest[SHA256_SIZE];
	struct ack named;
	size_t signer;
	int r = load_certs(certs, n, &loaded);

	if (r < 0)
		return r;
	r = crypto_cms_verify(ack, (const char *const *)loaded.pem, n, &content, &signer);
	if (r == -EKEYREJECTED)
		return -EBADMSG;
	if (r < 0)
		return r;
	text = strndup((const char *)content.data, content.size);
	if (!text)
		return -ENOMEM;
	r = members_parse(text, ACK, ack_members, &named);
	if (r < 0)
		return r;
	r = crypto_sha256(&(struct span){packet->data, packet->size}, 1, digest);
	if (r < 0)
		return r;
	return memcmp(named.packet, digest, sizeof(digest)) ? -EBADMSG : 0;
}
