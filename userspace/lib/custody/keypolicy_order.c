// SPDX-License-Identifier: LGPL-2.1-or-later
/* Signing orders, reading them, and comparing them with the machine's key policies. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/cms.h"
#include "custody/keypolicy_order.h"
#include "custody/keypolicy_roots.h"
#include "os/file.h"

#define DIRECTORY "/etc/fve"
#define BEGIN	  "-----BEGIN CERTIFICATE-----"
#define KEY_MAX	  65536 /* bytes of a private key's file */

static const char *const faults[ORDER_FAULTS] = {
	[ORDER_GOOD] = "good",
	[ORDER_DAMAGED] = "damaged",
	[ORDER_FOREIGN] = "foreign",
	[ORDER_STALE] = "stale",
	[ORDER_DIFFERS] = "differs",
	[ORDER_NAME] = "name",
	[ORDER_KEY] = "availability-key",
};

const char *keypolicy_order_fault_code(enum order_fault fault)
{
	return faults[fault];
}

static char *signers_path(void)
{
	const char *directory = secure_getenv("FVE_CONFIG") ?: DIRECTORY;
	char *path;

	return asprintf(&path, "%s/%s", directory, ORDER_SIGNERS) < 0 ? NULL : path;
}

bool keypolicy_order_governs(void)
{
	_cleanup_free_ char *path = signers_path();

	return !path || access(path, F_OK) == 0 || errno != ENOENT;
}

static int cannot_sign(const char *key, const char *cert)
{
	return log_errno(EINVAL, "%s cannot sign for %s: they are no key and its certificate (PEM)",
			 key, cert);
}

int keypolicy_order_sign(const struct keypolicy *policy, const char *key, const char *cert,
			 char **ret)
{
	_cleanup_free_ char *text = keypolicy_order_format(policy), *message = NULL;
	_cleanup_secret_ struct secret *private = NULL;
	_cleanup_blob_ struct blob public = {0}, signed_ = {0}, content = {0};
	size_t signer;
	int r = text ? 0 : -ENOMEM;

	if (r == 0 && policy->availability != AVAILABILITY_MANUAL)
		r = log_errno(EINVAL,
			      "the availability key of policy %s lies on this machine, and no "
			      "order brings it to others: make a policy with --availability manual",
			      policy->name);
	if (r < 0)
		return r;
	r = file_read_small(cert, &public);
	if (r < 0)
		return r;
	r = file_read_secret(key, KEY_MAX, &private);
	if (r < 0)
		return log_errno(-r, "cannot read the key %s: %s", key, strerror(-r));
	r = crypto_cms_sign(private, (const char *)public.data, text, strlen(text), &message);
	if (r == -EBADMSG || r == -EIO)
		return cannot_sign(key, cert);
	if (r == 0)
		r = blob_set(&signed_, message, strlen(message));
	if (r < 0)
		return r;
	r = crypto_cms_verify(&signed_, (const char *const[]){(const char *)public.data}, 1,
			      &content, &signer);
	if (r < 0)
		return cannot_sign(key, cert);
	*ret = steal(message);
	return 0;
}

/* The certificates in @text; each is read from where it begins to its own end. */
static size_t find_certs(const char *text, const char *ret[ORDER_SIGNERS_MAX])
{
	size_t n = 0;

	for (text = strstr(text, BEGIN); text && n < ORDER_SIGNERS_MAX;
	     text = strstr(text + 1, BEGIN))
		ret[n++] = text;
	return n;
}

static int refuse(enum order_fault fault, enum order_fault *ret_fault)
{
	*ret_fault = fault;
	return -EPERM;
}

static int read_signers(struct blob *ret)
{
	_cleanup_free_ char *path = signers_path();

	if (!path)
		return -ENOMEM;
	if (!keypolicy_order_governs())
		return log_errno(ENOENT,
				 "%s is not there: it has the certificates (PEM) of those whose "
				 "orders this machine takes",
				 path);
	return file_read_small(path, ret);
}

static void set_subject(const char *pem, char ret[ORDER_SUBJECT_SIZE])
{
	_cleanup_free_ char *subject = NULL;
	uint8_t digest[SHA256_SIZE];

	crypto_cert_read(pem, &subject, digest);
	snprintf(ret, ORDER_SUBJECT_SIZE, "%s", subject ?: "a certificate that is not valid now");
}

/* What is signed is checked like what an administrator would type. */
static bool is_fit(const struct keypolicy *order)
{
	for (size_t i = 0; i < order->n_approvers; i++) {
		if (!crypto_cert_same_key(order->approvers[i], order->approvers[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (crypto_cert_same_key(order->approvers[i], order->approvers[k]))
				return false;
	}
	return order->n_approvers != 1 && order->availability_public.size &&
	       keypolicy_check_name(order->name) == 0;
}

int keypolicy_order_read(const char *path, struct keypolicy *ret,
			 char ret_signer[ORDER_SUBJECT_SIZE], enum order_fault *ret_fault)
{
	_cleanup_blob_ struct blob signers = {0}, file = {0}, content = {0};
	_cleanup_keypolicy_ struct keypolicy order = {0};
	_cleanup_free_ char *text = NULL;
	const char *certs[ORDER_SIGNERS_MAX];
	size_t signer;
	int r = read_signers(&signers);

	*ret_signer = '\0';
	*ret_fault = ORDER_GOOD;
	if (r == 0)
		r = file_read_small(path, &file);
	if (r < 0)
		return r;
	r = crypto_cms_verify(&file, certs, find_certs((const char *)signers.data, certs), &content,
			      &signer);
	if (r == -EKEYREJECTED || r == -EBADMSG) {
		log_error("%s is refused: it %s", path,
			  r == -EBADMSG ? "is no signed order"
					: "is not signed by one of " ORDER_SIGNERS
					  ", or was changed since");
		return refuse(r == -EBADMSG ? ORDER_DAMAGED : ORDER_FOREIGN, ret_fault);
	}
	if (r < 0)
		return r;
	set_subject(certs[signer], ret_signer);
	text = strndup((const char *)content.data, content.size);
	r = text ? keypolicy_order_parse(text, &order) : -ENOMEM;
	if (r == -ENOMEM)
		return r;
	if (r < 0 || strlen(text) != content.size || !is_fit(&order)) {
		log_error("%s is refused: what %s signed is no order that this version reads", path,
			  ret_signer);
		return refuse(ORDER_DAMAGED, ret_fault);
	}
	*ret = steal_struct(order);
	return 0;
}

static bool same_settings(const struct keypolicy *a, const struct keypolicy *b)
{
	if (a->on_revocation != b->on_revocation || a->bound != b->bound ||
	    a->purge_days != b->purge_days || a->n_approvers != b->n_approvers)
		return false;
	for (size_t i = 0; i < a->n_approvers; i++)
		if (strcmp(a->approvers[i], b->approvers[i]))
			return false;
	return true;
}

static int compare_unknown(const struct keypolicy *order, enum order_fault *ret_fault)
{
	uint32_t retired;
	int r = keypolicy_retired(order->uuid, &retired);

	if (r < 0)
		return r;
	if (order->generation <= retired) {
		log_error("policy %s was retired here in generation %u; generation %u does not "
			  "bring it back",
			  order->name, retired, order->generation);
		return refuse(ORDER_STALE, ret_fault);
	}
	if (!keypolicy_exists(order->name))
		return 0;
	log_error("there is another policy %s here, with another UUID than the order's",
		  order->name);
	return refuse(ORDER_NAME, ret_fault);
}

int keypolicy_order_compare(const struct keypolicy *order, struct keypolicy *ret_now,
			    enum order_fault *ret_fault)
{
	int r = keypolicy_find(order->uuid, ret_now);

	*ret_fault = ORDER_GOOD;
	if (r == -ENOENT)
		return compare_unknown(order, ret_fault);
	if (r < 0)
		return r;
	if (strcmp(ret_now->name, order->name)) {
		log_error("policy %s has the name %s in the order", ret_now->name, order->name);
		return refuse(ORDER_NAME, ret_fault);
	}
	if (order->generation < ret_now->generation) {
		log_error("policy %s is at generation %u here; an order of generation %u is stale",
			  order->name, ret_now->generation, order->generation);
		return refuse(ORDER_STALE, ret_fault);
	}
	if (!blob_equal(&order->availability_public, &ret_now->availability_public)) {
		log_error("the order for policy %s has another availability key, which is never "
			  "replaced",
			  order->name);
		return refuse(ORDER_KEY, ret_fault);
	}
	if (order->generation == ret_now->generation &&
	    (keypolicy_roots_differ(ret_now, order) || !same_settings(ret_now, order))) {
		log_error("policy %s is at generation %u here with other keys or settings than in "
			  "the order",
			  order->name, order->generation);
		return refuse(ORDER_DIFFERS, ret_fault);
	}
	return 0;
}
