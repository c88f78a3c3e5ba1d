/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known answers for the cryptography in use. */
#ifndef FVE_SELFTEST_H
#define FVE_SELFTEST_H

#include <stddef.h>

/* A primitive of libcrypto or libargon2, as crypto.h and kdf.h offer it. */
struct selftest {
	const char *name;    /* "SHA-256" */
	const char *library; /* who does it */
	const char *source;  /* of the vector */
	/* 0, -EBADMSG where the answer is wrong, or why there is none. */
	int (*run)(void);
};

extern const struct selftest selftests[];
extern const size_t n_selftests;

/* The XTS-AES vectors through the kernel's driver @name. As selftest.run, or as afalg_open(). */
int selftest_kernel(const char *name);
#define SELFTEST_KERNEL_SOURCE "IEEE 1619-2007, vectors 4 and 10 to 14"

#endif
