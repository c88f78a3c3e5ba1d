// SPDX-License-Identifier: LGPL-2.1-or-later
/* The NV counter that approvals are checked against. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "tpm/private.h"

#define ATTRIBUTES                                              \
	(TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | \
	 ((TPMA_NV)TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT))

/* List which of our indices are in use, as a mask. */
static int used_indices(struct tpm *tpm, uint64_t *ret, enum reason *ret_reason)
{
	_cleanup_esys_ TPMS_CAPABILITY_DATA *data = NULL;
	TSS2_RC rc =
		Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   TPM2_CAP_HANDLES, NV_COUNTER_FIRST, TPM_COUNTERS, NULL, &data);

	if (rc)
		return tpm_fail("TPM2_GetCapability", rc, REASON_TPM_ERROR, ret_reason);
	*ret = 0;
	for (UINT32 i = 0; i < data->data.handles.count; i++) {
		TPM2_HANDLE handle = data->data.handles.handle[i];

		if (handle >= NV_COUNTER_FIRST && handle < NV_COUNTER_FIRST + TPM_COUNTERS)
			*ret |= 1ull << (handle - NV_COUNTER_FIRST);
	}
	return 0;
}

/* Open an index and give its Name, which ESAPI computes from the public area that the TPM gives. */
static int index_open(struct tpm *tpm, uint32_t index, struct tpm_handle *ret,
		      uint8_t ret_name[POLICY_NAME_SIZE], enum reason *ret_reason)
{
	_cleanup_esys_ TPM2B_NAME *name = NULL;
	TSS2_RC rc;
	int r = tpm_nv_open(tpm, index, ret, ret_reason);

	if (r == -ENOENT)
		return tpm_refuse(REASON_POLICY_REVOKED, ret_reason);
	if (r < 0)
		return r;
	rc = Esys_TR_GetName(tpm->esys, ret->tr, &name);
	if (rc)
		return tpm_fail("Esys_TR_GetName", rc, REASON_TPM_ERROR, ret_reason);
	if (name->size != POLICY_NAME_SIZE)
		return tpm_refuse(REASON_POLICY_REVOKED, ret_reason);
	memcpy(ret_name, name->name, POLICY_NAME_SIZE);
	return 0;
}

int tpm_counter_open(struct tpm *tpm, const struct policy_counter *counter, struct tpm_handle *ret,
		     enum reason *ret_reason)
{
	uint8_t name[POLICY_NAME_SIZE];
	int r;

	*ret_reason = REASON_NONE;
	r = index_open(tpm, counter->index, ret, name, ret_reason);
	if (r < 0 || !memcmp(name, counter->name, sizeof(name))) {
		log_debug("NV index 0x%x: %s", counter->index,
			  r < 0 ? "no counter is there" : "the volume's counter");
		return r;
	}
	log_debug("NV index 0x%x is not this volume's counter", counter->index);
	return tpm_refuse(REASON_POLICY_REVOKED, ret_reason);
}

/* Read the public area and the Name of an index that is in use. -ENOENT: it is gone by now. */
static int read_entry(struct tpm *tpm, uint32_t index, struct tpm_counter_entry *ret,
		      enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	_cleanup_esys_ TPM2B_NV_PUBLIC *area = NULL;
	_cleanup_esys_ TPM2B_NAME *name = NULL;
	const TPMS_NV_PUBLIC *public;
	TSS2_RC rc;
	int r = tpm_nv_open(tpm, index, &handle, ret_reason);

	if (r < 0)
		return r;
	rc = Esys_NV_ReadPublic(tpm->esys, handle.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				&area, &name);
	if (rc)
		return tpm_fail("TPM2_NV_ReadPublic", rc, REASON_TPM_ERROR, ret_reason);
	public = &area->nvPublic;
	*ret = (struct tpm_counter_entry){
		.counter.index = index,
		.ours = (public->attributes & ~(TPMA_NV)TPMA_NV_WRITTEN) == ATTRIBUTES &&
			public->nameAlg == TPM2_ALG_SHA256 &&
			public->authPolicy.size == SHA256_SIZE && name->size == POLICY_NAME_SIZE,
		.begun = !(public->attributes & TPMA_NV_WRITTEN),
	};
	if (!ret->ours)
		return 0;
	memcpy(ret->counter.name, name->name, POLICY_NAME_SIZE);
	memcpy(ret->policy, public->authPolicy.buffer, SHA256_SIZE);
	return 0;
}

int tpm_counter_list(struct tpm *tpm, struct tpm_counter_entry ret[TPM_COUNTERS], size_t *ret_n,
		     enum reason *ret_reason)
{
	uint64_t used = 0;
	int r;

	*ret_n = 0;
	*ret_reason = REASON_NONE;
	r = used_indices(tpm, &used, ret_reason);
	for (uint32_t i = 0; r == 0 && i < TPM_COUNTERS; i++) {
		if (!(used & 1ull << i))
			continue;
		r = read_entry(tpm, NV_COUNTER_FIRST + i, &ret[*ret_n], ret_reason);
		if (r == 0)
			(*ret_n)++;
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}

static int increment(struct tpm *tpm, const struct tpm_handle *handle, enum reason *ret_reason)
{
	TSS2_RC rc = Esys_NV_Increment(tpm->esys, handle->tr, handle->tr, ESYS_TR_PASSWORD,
				       ESYS_TR_NONE, ESYS_TR_NONE);

	return rc ? tpm_fail("TPM2_NV_Increment", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

/* Find the counter that this volume has already, from an enrolment that was cut off or repeated. */
static int find(struct tpm *tpm, const char *uuid, const struct tpm_counter_entry *list, size_t n,
		uint32_t *ret_index, enum reason *ret_reason)
{
	uint8_t policy[SHA256_SIZE];
	int r = policy_counter_policy(uuid, policy);

	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);

		if (!list[i].ours || memcmp(list[i].policy, policy, sizeof(policy)))
			continue;
		*ret_index = list[i].counter.index;
		if (!list[i].begun)
			return 0;
		r = tpm_nv_open(tpm, list[i].counter.index, &handle, ret_reason);
		return r < 0 ? r : increment(tpm, &handle, ret_reason);
	}
	return r < 0 ? r : -ENOENT;
}

/* The first index that is free. NV_COUNTER_FIRST + TPM_COUNTERS: there is none. */
static uint32_t first_free(const struct tpm_counter_entry *list, size_t n)
{
	uint32_t index = NV_COUNTER_FIRST;

	for (size_t i = 0; i < n && list[i].counter.index == index; i++)
		index++;
	return index;
}

/* Make a counter. It has no value until it is incremented once, and its Name changes then. */
static int define(struct tpm *tpm, const char *uuid, uint32_t index, enum reason *ret_reason)
{
	TPM2B_NV_PUBLIC public = {
		.nvPublic = {.nvIndex = index,
			     .nameAlg = TPM2_ALG_SHA256,
			     .attributes = ATTRIBUTES,
			     .authPolicy.size = SHA256_SIZE,
			     .dataSize = 8},
	};
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	int r = policy_counter_policy(uuid, public.nvPublic.authPolicy.buffer);

	if (r < 0)
		return r;
	r = tpm_nv_define(tpm, &public, &handle, ret_reason);
	return r < 0 ? r : increment(tpm, &handle, ret_reason);
}

int tpm_counter_make(struct tpm *tpm, const char *uuid, struct policy_counter *ret,
		     enum reason *ret_reason)
{
	struct tpm_counter_entry list[TPM_COUNTERS];
	struct policy_counter counter = {0};
	size_t n;
	int r = tpm_counter_list(tpm, list, &n, ret_reason);

	if (r < 0)
		return r;
	r = find(tpm, uuid, list, n, &counter.index, ret_reason);
	if (r == -ENOENT) {
		if (n == TPM_COUNTERS)
			return tpm_refuse(REASON_TPM_FULL, ret_reason);
		counter.index = first_free(list, n);
		r = define(tpm, uuid, counter.index, ret_reason);
	}
	if (r < 0)
		return r;
	r = policy_counter_name(counter.index, uuid, counter.name);
	if (r < 0)
		return r;
	*ret = counter;
	return 0;
}

int tpm_counter_read(struct tpm *tpm, const struct policy_counter *counter, uint64_t *ret,
		     enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	_cleanup_esys_ TPM2B_MAX_NV_BUFFER *data = NULL;
	uint64_t value = 0;
	int r = tpm_counter_open(tpm, counter, &handle, ret_reason);
	TSS2_RC rc;

	if (r < 0)
		return r;
	rc = Esys_NV_Read(tpm->esys, handle.tr, handle.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			  ESYS_TR_NONE, sizeof(value), 0, &data);
	if (rc)
		return tpm_fail("TPM2_NV_Read", rc, REASON_TPM_ERROR, ret_reason);
	if (data->size != sizeof(value))
		return tpm_refuse(REASON_TPM_ERROR, ret_reason);
	for (size_t i = 0; i < sizeof(value); i++)
		value = value << 8 | data->buffer[i];
	*ret = value;
	return 0;
}

int tpm_counter_increment(struct tpm *tpm, const struct policy_counter *counter,
			  enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	int r = tpm_counter_open(tpm, counter, &handle, ret_reason);

	return r < 0 ? r : increment(tpm, &handle, ret_reason);
}

int tpm_counter_remove(struct tpm *tpm, const struct policy_counter *counter,
		       enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	int r = tpm_counter_open(tpm, counter, &handle, ret_reason);
	TSS2_RC rc;

	if (r < 0)
		return r;
	rc = Esys_NV_UndefineSpace(tpm->esys, ESYS_TR_RH_OWNER, handle.tr, ESYS_TR_PASSWORD,
				   ESYS_TR_NONE, ESYS_TR_NONE);
	if (tpm_rc_base(rc) == TPM2_RC_BAD_AUTH || tpm_rc_base(rc) == TPM2_RC_AUTH_FAIL)
		return tpm_refuse(REASON_TPM_OWNED, ret_reason);
	if (rc)
		return tpm_fail("TPM2_NV_UndefineSpace", rc, REASON_TPM_ERROR, ret_reason);
	handle.tr = ESYS_TR_NONE; /* ESAPI has released its handle, too */
	return 0;
}
