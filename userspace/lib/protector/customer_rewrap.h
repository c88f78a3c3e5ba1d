/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The volumes of a key policy, one after the other, under its roots of now. */
#pragma once

#include "protector/customer.h"

struct customer_rewrap {
	const char *tcti;		   /* as for tpm_open() */
	const struct secret *availability; /* what opens the volumes; NULL: a root does */
	uint32_t verify;		   /* as for protector_customer_set() */
	bool behind;			   /* only those that are behind, to finish a roll */
	/* Told of each volume that did not open. */
	void (*refused)(void *data, const struct protector *protector,
			const struct refusal *refusal);
	void *data;
};

/*
 * Give each volume of @policy a new KEK under the policy's keys of now. All of them are tried,
 * however many fail; gives the first error. The messages are made here.
 */
int customer_rewrap(const struct keypolicy *policy, const struct customer_rewrap *how);
