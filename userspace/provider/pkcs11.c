// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The provider of "pkcs11:" URIs (RFC 7512): a private RSA key in a store, which PKCS#11 calls a
 * token. It unwraps by C_Decrypt, which all vendors have; C_UnwrapKey, and the right to make
 * objects, are not needed. This is the only file that includes p11-kit.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "crypto/crypto.h"
#include "provider/allowed.h"
#include "provider/pin_source.h"
#include "provider/serve.h"

#define SLOTS_MAX     64
#define MODULUS_MAX   1024 /* bytes: RSA-8192 */
#define ATTRS_MAX     16
#define MODULE_PREFIX "/usr/"

/* A session with the store that the URI names. */
struct token {
	struct provider_answer *answer; /* borrowed; tells of failures */
	P11KitUri *uri;
	bool from_header;		 /* the URI comes from a volume's header */
	CK_FUNCTION_LIST **all, *one[2]; /* owned: the registered modules, or the URI's */
	CK_FUNCTION_LIST **modules;	 /* the one or the other, and a NULL at the end */
	char *path; /* owned; the one of @all that the URI's module-path means, or NULL: any */
	CK_FUNCTION_LIST *module; /* NULL: not found yet */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

static void token_close(struct token *token)
{
	if (token->module) {
		token->module->C_CloseSession(token->session);
		p11_kit_module_finalize(token->module);
	}
	if (token->all)
		p11_kit_modules_release(token->all);
	if (token->one[0])
		p11_kit_module_release(token->one[0]);
	if (token->uri)
		p11_kit_uri_free(token->uri);
	free(token->path);
}
#define _cleanup_token_ __attribute__((cleanup(token_close)))

/* Return the outcome that a code means (PKCS#11 2.40, 5.1.6). An unknown one is an outage. */
static enum provider_outcome outcome_of(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return PROVIDER_OK;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_LOCKED:
	case CKR_USER_PIN_NOT_INITIALIZED:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
		return PROVIDER_DENIED;
	case CKR_KEY_HANDLE_INVALID:	/* openCryptoki, of a key destroyed meanwhile */
	case CKR_OBJECT_HANDLE_INVALID: /* SoftHSM */
		return PROVIDER_ABSENT;
	case CKR_ARGUMENTS_BAD:
	case CKR_MECHANISM_INVALID:
	case CKR_MECHANISM_PARAM_INVALID:
	case CKR_KEY_TYPE_INCONSISTENT:
	case CKR_KEY_SIZE_RANGE:
	case CKR_ENCRYPTED_DATA_INVALID:
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
	case CKR_DATA_INVALID:
	case CKR_DATA_LEN_RANGE:
		return PROVIDER_BADREQ;
	default:
		return PROVIDER_UNREACHABLE;
	}
}

/* Return whether @rv is success; if not, the answer says which @call failed. */
static bool ok(struct token *token, const char *call, CK_RV rv)
{
	if (rv == CKR_OK)
		return true;
	provider_answer_fail(token->answer, outcome_of(rv), "%s: %s (0x%lx)", call,
			     p11_kit_strerror(rv), rv);
	return false;
}

/* Fill in the answer and return false. @text is NULL where p11-kit has not said what is wrong. */
static bool refuse(struct token *token, enum provider_outcome outcome, const char *text)
{
	provider_answer_fail(token->answer, outcome, "%s", text ?: "the module cannot be loaded");
	return false;
}

static bool load_registered(struct token *token)
{
	token->modules = token->all = p11_kit_modules_load(NULL, 0);
	return token->all || refuse(token, PROVIDER_BADREQ, p11_kit_message());
}

/* Return whether @module was loaded from @path, which has no symbolic links. */
static bool is_loaded_from(CK_FUNCTION_LIST *module, const char *path)
{
	char *file = p11_kit_module_get_filename(module);
	_cleanup_free_ char *real = file ? realpath(file, NULL) : NULL;

	free(file);
	return real && !strcmp(real, path);
}

/* Load the module at @path, which a header names. It must be registered with p11-kit. */
static bool find_registered(struct token *token, const char *path)
{
	if (!load_registered(token))
		return false;
	token->path = realpath(path, NULL);
	for (CK_FUNCTION_LIST **module = token->all; *module && token->path; module++)
		if (is_loaded_from(*module, token->path))
			return true;
	provider_answer_fail(token->answer, PROVIDER_BADREQ,
			     "the header names module %s, which is neither registered with p11-kit "
			     "nor listed in /etc/fve/modules",
			     path);
	return false;
}

/*
 * The URI of a header must not choose what code runs: a module is one that the administrator has
 * registered or listed. What is given to fvesetup by root may be any that is installed below /usr.
 */
static bool load_modules(struct token *token)
{
	const char *path = p11_kit_uri_get_module_path(token->uri);
	_cleanup_free_ char *real = NULL;

	if (!path)
		return load_registered(token);
	real = realpath(path, NULL);
	if (token->from_header && !(real && allowed_module(real)))
		return find_registered(token, path);
	if (!token->from_header &&
	    (!real || strncmp(real, MODULE_PREFIX, strlen(MODULE_PREFIX)) != 0))
		return refuse(token, PROVIDER_BADREQ,
			      "module-path is not a file below " MODULE_PREFIX
			      "; register other modules with p11-kit");
	token->one[0] = p11_kit_module_load(real, 0);
	token->modules = token->one;
	return token->one[0] || refuse(token, PROVIDER_BADREQ, p11_kit_message());
}

static bool wants_module(const struct token *token, CK_FUNCTION_LIST *module)
{
	const char *name = p11_kit_uri_get_module_name(token->uri);
	char *own = p11_kit_module_get_name(module);
	bool wants = !name || (own && !strcmp(name, own));

	free(own);
	return wants && (!token->path || is_loaded_from(module, token->path));
}

/* Count the stores of @module that the URI names; the last of them becomes the slot of @token. */
static CK_RV match_tokens(struct token *token, CK_FUNCTION_LIST *module, unsigned int *ret_n)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_RV rv = module->C_GetSlotList(CK_TRUE, slots, &n);

	*ret_n = 0;
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		CK_TOKEN_INFO info;

		/* A store that is just being pulled out does not count. */
		if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !p11_kit_uri_match_token_info(token->uri, &info))
			continue;
		token->slot = slots[i];
		token->info = info;
		++*ret_n;
	}
	return rv;
}

/* Add @module to those that were looked through: its name with p11-kit, or else its file. */
static void append_module(char *ret, size_t size, CK_FUNCTION_LIST *module)
{
	char *name = p11_kit_module_get_name(module) ?: p11_kit_module_get_filename(module);
	size_t have = strlen(ret);

	snprintf(ret + have, size - have, "%s%s", have ? ", " : "", name ?: "?");
	free(name);
}

/* It may be missing because its vendor's module is. */
static bool no_such_token(struct token *token, const char *modules, CK_RV failure)
{
	char failed[100] = "";

	if (failure)
		snprintf(failed, sizeof(failed), "; a module fails: %s (0x%lx)",
			 p11_kit_strerror(failure), failure);
	provider_answer_fail(token->answer, PROVIDER_UNREACHABLE,
			     "there is no such token%s; modules that were asked: %s", failed,
			     *modules ? modules : "none");
	return false;
}

static bool find_token(struct token *token)
{
	char modules[PROVIDER_DETAIL_MAX + 1] = "";
	CK_RV failure = CKR_OK;

	for (CK_FUNCTION_LIST **module = token->modules; *module; module++) {
		unsigned int n = 0;
		CK_RV rv;

		if (!wants_module(token, *module))
			continue;
		append_module(modules, sizeof(modules), *module);
		rv = p11_kit_module_initialize(*module);
		if (rv == CKR_OK) {
			rv = match_tokens(token, *module, &n);
			if (n == 0 || token->module)
				p11_kit_module_finalize(*module);
			if (n && (n > 1 || token->module))
				return refuse(token, PROVIDER_BADREQ,
					      "the URI names more than one token");
			if (n)
				token->module = *module;
		}
		if (rv != CKR_OK)
			failure = rv;
	}
	return token->module || no_such_token(token, modules, failure);
}

static bool login(struct token *token)
{
	const char *source = p11_kit_uri_get_pin_source(token->uri);
	_cleanup_secret_ struct secret *pin = NULL;
	CK_RV rv;

	if (!ok(token, "C_OpenSession",
		token->module->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL,
					     &token->session)))
		return false;
	if (!(token->info.flags & CKF_LOGIN_REQUIRED))
		return true;
	if (!source)
		return refuse(token, PROVIDER_BADREQ,
			      "the token takes a PIN, and the URI has no pin-source");
	/* A header can cost one try only, until somebody has given the right PIN again. */
	if (token->from_header && token->info.flags & CKF_USER_PIN_COUNT_LOW)
		return refuse(
			token, PROVIDER_BADREQ,
			"the token has refused a PIN: it gets none that a header names, until "
			"somebody gives it the right one");
	if (!pin_source_read(source, token->from_header, token->answer, &pin))
		return false;
	rv = token->module->C_Login(token->session, CKU_USER, pin->data, pin->size);
	return rv == CKR_USER_ALREADY_LOGGED_IN || ok(token, "C_Login", rv);
}

static bool find_key(struct token *token)
{
	static const CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[ATTRS_MAX] = {{CKA_CLASS, (void *)&private, sizeof(private)}};
	CK_OBJECT_HANDLE keys[2];
	CK_ULONG n_attrs, n = 1, found = 0;
	CK_ATTRIBUTE *attrs = p11_kit_uri_get_attributes(token->uri, &n_attrs);
	CK_RV rv;

	for (CK_ULONG i = 0; i < n_attrs && n < ATTRS_MAX; i++)
		if (attrs[i].type != CKA_CLASS)
			template[n++] = attrs[i];
	rv = token->module->C_FindObjectsInit(token->session, template, n);
	if (rv == CKR_OK)
		rv = token->module->C_FindObjects(token->session, keys, 2, &found);
	if (!ok(token, "C_FindObjects", rv))
		return false;
	token->module->C_FindObjectsFinal(token->session);
	if (found > 1)
		return refuse(token, PROVIDER_BADREQ,
			      "the URI names more than one private key of the token");
	if (!found)
		return refuse(token, PROVIDER_ABSENT, "the token has no such private key");
	token->key = keys[0];
	return true;
}

static bool token_open(struct token *token, const char *text)
{
	token->uri = p11_kit_uri_new();
	if (!token->uri ||
	    p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, token->uri) != P11_KIT_URI_OK)
		return refuse(token, PROVIDER_BADREQ, "the URI is malformed");
	if (p11_kit_uri_any_unrecognized(token->uri))
		return refuse(token, PROVIDER_BADREQ, "the URI has an attribute that is not known");
	if (p11_kit_uri_get_pin_value(token->uri))
		return refuse(token, PROVIDER_BADREQ,
			      "a PIN does not belong into a URI; use pin-source");
	return load_modules(token) && find_token(token) && login(token) && find_key(token);
}

/* Read an attribute and return its size; 0: it is missing. */
static size_t get_attribute(struct token *token, CK_ATTRIBUTE_TYPE type, void *ret, size_t size)
{
	CK_ATTRIBUTE attr = {type, ret, size};

	if (token->module->C_GetAttributeValue(token->session, token->key, &attr, 1) != CKR_OK ||
	    attr.ulValueLen > size)
		return 0;
	return attr.ulValueLen;
}

static bool get_flag(struct token *token, CK_ATTRIBUTE_TYPE type, bool unknown)
{
	CK_BBOOL flag;

	return get_attribute(token, type, &flag, sizeof(flag)) == sizeof(flag) ? flag : unknown;
}

/* Append a text without the blanks that PKCS#11 pads it with. */
static void append_text(char *ret, size_t size, const unsigned char *text, size_t length)
{
	size_t have = strlen(ret);

	while (length && text[length - 1] == ' ')
		length--;
	snprintf(ret + have, size - have, "%s%.*s", have ? "/" : "", (int)length, text);
}

static bool show_key(struct token *token, struct provider_key *key)
{
	uint8_t modulus[MODULUS_MAX], exponent[MODULUS_MAX];
	struct blob n = {modulus, get_attribute(token, CKA_MODULUS, modulus, sizeof(modulus))};
	struct blob e = {exponent,
			 get_attribute(token, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent))};
	CK_DATE date;

	if (!n.size || !e.size || crypto_rsa_public(&n, &e, &key->spki) < 0 ||
	    crypto_rsa_bits(&key->spki, &key->bits) < 0)
		return refuse(token, PROVIDER_BADREQ,
			      "the token does not show an RSA key's public half");
	strcpy(key->alg, PROVIDER_ALG_RSA);
	append_text(key->token, sizeof(key->token), token->info.manufacturerID,
		    sizeof(token->info.manufacturerID));
	append_text(key->token, sizeof(key->token), token->info.model, sizeof(token->info.model));
	append_text(key->token, sizeof(key->token), token->info.serialNumber,
		    sizeof(token->info.serialNumber));
	key->extractable =
		get_flag(token, CKA_EXTRACTABLE, true) || !get_flag(token, CKA_SENSITIVE, false);
	if (get_attribute(token, CKA_END_DATE, &date, sizeof(date)) == sizeof(date))
		snprintf(key->end_date, sizeof(key->end_date), "%.4s-%.2s-%.2s",
			 (const char *)date.year, (const char *)date.month, (const char *)date.day);
	return true;
}

/* Begin to decrypt. @ret_raw: the store has no OAEP with SHA-256 (SoftHSM); unpad() must follow. */
static bool decrypt_init(struct token *token, bool *ret_raw)
{
	CK_RSA_PKCS_OAEP_PARAMS params = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
	CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, &params, sizeof(params)};
	CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
	CK_RV rv = token->module->C_DecryptInit(token->session, &oaep, token->key);

	*ret_raw = rv == CKR_ARGUMENTS_BAD || rv == CKR_MECHANISM_INVALID ||
		   rv == CKR_MECHANISM_PARAM_INVALID;
	if (*ret_raw)
		rv = token->module->C_DecryptInit(token->session, &raw, token->key);
	return ok(token, "C_DecryptInit", rv);
}

/* Decode by OAEP the result of RSADP, which may lack its leading zero bytes. */
static int unpad(struct secret *page, size_t n, size_t modulus, struct secret **ret)
{
	_cleanup_secret_ struct secret *encoded = secret_new(modulus);

	if (!encoded)
		return -ENOMEM;
	if (n > modulus)
		return -EBADMSG;
	memcpy(encoded->data + modulus - n, page->data, n);
	secret_wipe(page->data, n);
	return crypto_oaep_decode(encoded, ret);
}

/* Decrypt @wrapped into @page; gives its size there, or 0. */
static size_t decrypt(struct token *token, const struct blob *wrapped, struct secret *page)
{
	_cleanup_secret_ struct secret *key = NULL;
	CK_ULONG n = page->size;
	bool raw;

	if (!decrypt_init(token, &raw) ||
	    !ok(token, "C_Decrypt",
		token->module->C_Decrypt(token->session, wrapped->data, wrapped->size, page->data,
					 &n)))
		return 0;
	if (raw) {
		if (unpad(page, n, wrapped->size, &key) < 0) {
			refuse(token, PROVIDER_BADREQ, "it was not wrapped for this key");
			return 0;
		}
		n = key->size;
		memcpy(page->data, key->data, n);
		snprintf(token->answer->detail, sizeof(token->answer->detail),
			 "by raw RSA: the token has no OAEP with SHA-256");
	}
	if (!n || n > PROVIDER_KEY_MAX) {
		refuse(token, PROVIDER_BADREQ, "what was wrapped is no key");
		return 0;
	}
	return n;
}

/*
 * Find out why unwrapping failed. Stores say "function failed" or "general error" of a blob that
 * was not wrapped for their key and of a fault of their own (both openCryptoki and SoftHSM). If one
 * unwraps a key that was wrapped just now, the blob is at fault.
 */
static void tell_fault(struct token *token, const struct provider_key *key, struct secret *page)
{
	const struct provider_answer before = *token->answer;
	_cleanup_secret_ struct secret *probe = secret_random(32);
	_cleanup_blob_ struct blob wrapped = {0};
	size_t n = 0;

	if (probe && crypto_rsa_wrap(&key->spki, probe, &wrapped) == 0)
		n = decrypt(token, &wrapped, page);
	*token->answer = before;
	if (n)
		refuse(token, PROVIDER_BADREQ, "it was not wrapped for this key");
}

static void unwrap(struct token *token, const struct provider_request *request, struct secret *page)
{
	_cleanup_provider_key_ struct provider_key key = {0};

	if (strcmp(request->alg, PROVIDER_ALG_RSA) != 0) {
		refuse(token, PROVIDER_BADREQ, "the only alg here is " PROVIDER_ALG_RSA);
		return;
	}
	if (!show_key(token, &key))
		return;
	if (request->wrapped.size != (key.bits + 7) / 8) {
		refuse(token, PROVIDER_BADREQ, "what is wrapped has not the length of the key");
		return;
	}
	token->answer->size = (uint32_t)decrypt(token, &request->wrapped, page);
	if (token->answer->outcome == PROVIDER_UNREACHABLE)
		tell_fault(token, &key, page);
}

static void handle(const struct provider_request *request, struct secret *page,
		   struct provider_answer *answer)
{
	_cleanup_token_ struct token token = {.answer = answer};
	bool raw;

	token.from_header = request->from_header;
	if (!token_open(&token, request->uri))
		return;
	switch (request->action) {
	case PROVIDER_INFO:
		show_key(&token, &answer->key);
		return;
	case PROVIDER_STATUS:
		decrypt_init(&token, &raw);
		return;
	case PROVIDER_UNWRAP:
		unwrap(&token, request, page);
		return;
	default:
		refuse(&token, PROVIDER_BADREQ, "wrapping takes the public key alone");
	}
}

int main(void)
{
	return serve(handle);
}
