/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orders: a key policy as somebody signed it for many machines (docs/services.md, "A fleet"). An
 * order is CMS SignedData over what all machines have in common. A machine takes those that are
 * signed with the key of a certificate in ORDER_SIGNERS; where that file is, only they and --local
 * make or roll a key policy.
 *
 * Functions return 0 or -errno, and print the message unless they say otherwise.
 */
#pragma once

#include "custody/keypolicy.h"

#define ORDER_SIGNERS	   "policy-signers.pem" /* in /etc/fve; FVE_CONFIG names another place */
#define ORDER_SIGNERS_MAX  16
#define ORDER_SUBJECT_SIZE 256 /* bytes of a signer's name, with its NUL */

/* Whether this machine has signers, or a file of them that cannot be read. */
bool keypolicy_order_governs(void);

/* Sign @policy with the key in the file @key, whose certificate is the file @cert: text in PEM,
 * owned by the caller. -EINVAL: its availability key lies on this machine, or they do not sign. */
int keypolicy_order_sign(const struct keypolicy *policy, const char *key, const char *cert,
			 char **ret);

/* Why an order is refused, for programs. */
enum order_fault {
	ORDER_GOOD,
	ORDER_DAMAGED, /* it is no order */
	ORDER_FOREIGN, /* signed by somebody else, or changed since */
	ORDER_STALE,   /* an older generation than the one that is here, or was retired */
	ORDER_DIFFERS, /* the generation that is here, with other keys or settings */
	ORDER_NAME,    /* another key policy has its name, or its own has another */
	ORDER_KEY,     /* another availability key */
	ORDER_FAULTS,
};

const char *keypolicy_order_fault_code(enum order_fault fault); /* "stale" and so on */

/*
 * Read the order in the file @path. @ret_signer: the subject of the certificate that signed.
 * -EPERM: it is refused, with @ret_fault; -ENOENT: this machine has no signers.
 */
int keypolicy_order_read(const char *path, struct keypolicy *ret,
			 char ret_signer[ORDER_SUBJECT_SIZE], enum order_fault *ret_fault);

/*
 * Compare @order with what is here. @ret_now is the policy that it is about, or empty where this
 * machine does not know it. -EPERM: the order is refused, with @ret_fault.
 */
int keypolicy_order_compare(const struct keypolicy *order, struct keypolicy *ret_now,
			    enum order_fault *ret_fault);
