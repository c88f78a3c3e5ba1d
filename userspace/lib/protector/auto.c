// SPDX-License-Identifier: LGPL-2.1-or-later
/* Adding and opening a protector whose key lies on another volume. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "header/change.h"
#include "keys/vmk.h"
#include "protector/auto.h"
#include "protector/unlock.h"

#define KIND "auto"

static int read_list(const struct header *header, const char *json, struct protector *ret)
{
	_cleanup_token_auto_ struct token_auto token = {0};
	int r = token_auto_parse(json, &token);

	if (r < 0)
		return r;
	ret->head = token.head;
	protector_check_vmk(header, token.generation, ret);
	return 0;
}

static bool take_option(const char *name, char *value, struct protector_spec *spec)
{
	bool file = !strcmp(name, "file");

	if ((!file && strcmp(name, "volume")) || !value || strlen(value) > TOKEN_PATH_MAX ||
	    (file ? *value != '/' : !*value))
		return false;
	strcpy(file ? spec->file : spec->volume, value);
	return true;
}

static int check_spec(const struct protector_spec *spec)
{
	return !*spec->file == !*spec->volume
		       ? log_errno(EINVAL,
				   "auto takes one of file=PATH (absolute) and volume=DEVICE")
		       : 0;
}

/* HKDF(key file or the other FVEK, "fve auto <uuid of this volume> <protector id>") */
static int derive_kek(const struct header *header, const char *id, const struct secret *key,
		      struct secret **ret)
{
	_cleanup_free_ char *info = NULL;

	if (asprintf(&info, "fve auto %s %s", header_uuid(header), id) < 0)
		return -ENOMEM;
	return crypto_derive(key, info, ret);
}

static int add(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	_cleanup_change_ struct change change = {.header = header};
	_cleanup_token_auto_ struct token_auto token = {0};
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL, *opened = NULL;
	_cleanup_free_ char *json = NULL;
	enum reason reason;
	int r = change_check_room(header, CHANGE_NEEDS_TOKEN);

	if (r < 0)
		return r;
	r = token_head_init(&token.head, how->spec->label);
	if (r < 0)
		return r;
	r = vmk_from_fvek(header, fvek, &token.generation, &vmk);
	if (r < 0)
		return r;
	r = derive_kek(header, token.head.id, how->secret, &kek);
	if (r < 0)
		return r;
	snprintf(token.file, sizeof(token.file), "%s", how->spec->file);
	snprintf(token.volume, sizeof(token.volume), "%s", how->volume ?: "");
	r = vmk_wrap(header, KIND, token.head.id, token.generation, kek, vmk, &token.vmk);
	if (r == 0)
		r = kek_wrap(header, KIND, token.head.id, fvek, kek, &token.kek);
	if (r == 0)
		r = vmk_open(header, &VMK_HOLDER(KIND, &token, kek), &opened, &reason);
	if (r == 0 && !secret_equal(opened, fvek))
		r = -EIO;
	if (r < 0)
		return log_errno(-r, "the new protector of %s does not open it: %s",
				 header_path(header), strerror(-r));
	json = token_auto_format(&token);
	change_set_token(&change, HEADER_ANY, json);
	return change_commit(&change, fvek);
}

static int read_token(const struct header *header, const struct protector *protector,
		      struct token_auto *ret)
{
	const char *type, *json;

	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_auto_parse(json, ret) < 0)
		return -EBADMSG;
	return 0;
}

int protector_auto_source(const struct header *header, const struct protector *protector,
			  char ret_file[TOKEN_PATH_MAX + 1], char ret_volume[UUID_LENGTH + 1])
{
	_cleanup_token_auto_ struct token_auto token = {0};
	int r = read_token(header, protector, &token);

	if (r < 0)
		return r;
	strcpy(ret_file, token.file);
	strcpy(ret_volume, token.volume);
	return 0;
}

static void sources(const struct header *header, const struct protector *protector,
		    struct protector_sources *ret)
{
	_cleanup_token_auto_ struct token_auto token = {0};

	if (read_token(header, protector, &token) < 0)
		return;
	strcpy(ret->text[ret->n++], *token.file ? token.file : token.volume);
}

/* A key file that is no regular file of the right size is none: nothing may wait for a pipe. */
static int read_key_file(const char *path, struct secret **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_secret_ struct secret *key = secret_new(AUTO_KEY_SIZE);
	struct stat st;

	if (!key)
		return -ENOMEM;
	if (fd < 0)
		return -ENOKEY;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != AUTO_KEY_SIZE ||
	    read(fd, key->data, key->size) != (ssize_t)key->size)
		return -EPERM;
	*ret = steal(key);
	return 0;
}

static int find_key(const struct token_auto *token, const struct unlocked_volume *others, size_t n,
		    struct secret **ret)
{
	if (*token->file)
		return read_key_file(token->file, ret);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(others[i].uuid, token->volume)) {
			*ret = secret_copy(others[i].fvek->data, others[i].fvek->size);
			return *ret ? 0 : -ENOMEM;
		}
	return -ENOKEY;
}

/* key-absent where there is no such file or volume. */
static int open_by_other(struct header *header, const struct protector *protector,
			 const struct unlock *how, const struct secret *secret,
			 struct secret **ret_fvek, struct refusal *ret_refusal)
{
	_cleanup_token_auto_ struct token_auto token = {0};
	_cleanup_secret_ struct secret *key = NULL, *kek = NULL;
	int r = read_token(header, protector, &token);

	(void)secret;
	*ret_refusal = (struct refusal){.reason = REASON_TOKEN_CORRUPT};
	if (r < 0)
		return r;
	r = find_key(&token, how->others, how->n_others, &key);
	if (r == -ENOKEY || r == -EPERM)
		ret_refusal->reason = r == -ENOKEY ? REASON_KEY_ABSENT : REASON_SECRET_WRONG;
	if (r == 0)
		r = derive_kek(header, token.head.id, key, &kek);
	if (r < 0)
		return r;
	r = vmk_open(header, &VMK_HOLDER(KIND, &token, kek), ret_fvek, &ret_refusal->reason);
	if (r == -EBADMSG)
		ret_refusal->reason = REASON_SECRET_WRONG;
	return r;
}

const struct kind_row kind_auto = {
	.name = KIND,
	.token_type = "fve-auto",
	.flags = KIND_ALONE | KIND_VOLUME,
	.read = read_list,
	.option = take_option,
	.check_spec = check_spec,
	.open = open_by_other,
	.sources = sources,
	.add = add,
};
