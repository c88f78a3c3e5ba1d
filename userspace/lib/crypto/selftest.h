/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known-answer tests of the cryptography that is in use. */
#pragma once

#include <stddef.h>

/* The test of one primitive of libcrypto or libargon2, as crypto.h and kdf.h offer it. */
struct selftest {
	const char *name;    /* of the primitive, "SHA-256" */
	const char *library; /* that implements it */
	const char *source;  /* of the test vector */
	/* Return 0, -EBADMSG where the answer is wrong, or the -errno for which there is none. */
	int (*run)(void);
};

extern const struct selftest selftests[];
extern const size_t n_selftests;

/* Test the XTS-AES vectors with the kernel's driver @name. Returns as selftest.run and
 * afalg_open().
 */
int selftest_kernel(const char *name);
#define SELFTEST_KERNEL_SOURCE "IEEE 1619-2007, vectors 4 and 10 to 14"
