// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of factors, the file that holds it, and the slots that hold its key. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "custody/factors.h"
#include "os/state.h"

#define FILE_NAME "factors"
/* This file exists while the first table is made: a key in the TPM alone is no loss then. */
#define BEGUN_NAME "factors.begun"
#define MAGIC	   "FVEFACT1" /* its NUL is not in the file */
#define UUID_SIZE  36

/* The head of the file, which is base64 of this and the wrapped rows. Numbers are big-endian. */
struct disk_head {
	char magic[8];
	uint8_t generation[8];
	uint8_t slot;
	uint8_t srk[TPM_NAME_SIZE];
} __attribute__((packed));

struct row {
	char uuid[UUID_SIZE];
	uint8_t factor[FACTOR_SIZE];
};

/* The rows before they are wrapped; @count is their number. */
struct rows {
	uint8_t count[4];
	struct row row[];
};

#define ROWS_SIZE(n) (sizeof(struct rows) + (n) * sizeof(struct row))

struct table {
	uint64_t generation;
	unsigned int slot;
	struct tpm_name srk;
	struct secret *key; /* of this generation */
	struct secret *rows;
	size_t n;
};

static void table_free(struct table *table)
{
	secret_free(table->key);
	secret_free(table->rows);
}

#define _cleanup_table_ __attribute__((cleanup(table_free)))

static struct row *row_of(const struct table *table, size_t i)
{
	return ((struct rows *)table->rows->data)->row + i;
}

static struct row *find(const struct table *table, const char *uuid)
{
	for (size_t i = 0; i < table->n; i++)
		if (!memcmp(row_of(table, i)->uuid, uuid, UUID_SIZE))
			return row_of(table, i);
	return NULL;
}

static void put_number(uint8_t *to, size_t size, uint64_t number)
{
	while (size--) {
		to[size] = (uint8_t)number;
		number >>= 8;
	}
}

static uint64_t get_number(const uint8_t *from, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | from[i];
	return number;
}

/* Give the text to which a table is bound beside its key. */
static void table_context(const struct table *table, char ret[64])
{
	snprintf(ret, 64, "fve factors %llu %u", (unsigned long long)table->generation,
		 table->slot);
}

static int rows_unwrap(struct table *table, const struct blob *wrapped)
{
	const struct rows *rows;
	char context[64];
	int r;

	table_context(table, context);
	r = crypto_unwrap(table->key, context, wrapped, &table->rows);
	if (r < 0)
		return r;
	rows = (const struct rows *)table->rows->data;
	table->n = (table->rows->size - sizeof(*rows)) / sizeof(struct row);
	if (table->rows->size < sizeof(*rows) ||
	    get_number(rows->count, sizeof(rows->count)) != table->n ||
	    table->rows->size != ROWS_SIZE(table->n))
		return -EBADMSG;
	return 0;
}

/* Read the file. -ENOENT: there is no table. */
static int table_decode(struct blob *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = state_read(FILE_NAME, &text);

	if (r < 0)
		return r;
	r = base64_decode(text, ret);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || ret->size < sizeof(struct disk_head) ||
	    memcmp(ret->data, MAGIC, sizeof(MAGIC) - 1))
		return log_errno(EBADMSG, "%s/%s is no table of tenants' factors",
				 state_directory(), FILE_NAME);
	return 0;
}

static int table_read(struct tpm *tpm, struct table *table, enum reason *ret_reason)
{
	_cleanup_blob_ struct blob file = {0};
	struct disk_head head;
	struct blob wrapped;
	int r = table_decode(&file);

	if (r < 0)
		return r;
	memcpy(&head, file.data, sizeof(head));
	table->generation = get_number(head.generation, sizeof(head.generation));
	table->slot = head.slot;
	memcpy(table->srk.data, head.srk, sizeof(head.srk));
	if (table->slot >= TPM_SLOTS)
		return log_errno(EBADMSG, "%s/%s is damaged", state_directory(), FILE_NAME);
	r = tpm_slot_read(tpm, &table->srk, table->slot, &table->key, ret_reason);
	if (r == -ENOENT)
		return log_errno(EKEYREJECTED,
				 "%s/%s was replaced by a newer table: the TPM has erased its key",
				 state_directory(), FILE_NAME);
	if (r < 0)
		return log_errno(-r, "the TPM does not give the key of %s/%s: %s",
				 state_directory(), FILE_NAME, reason_text(*ret_reason));
	wrapped.data = file.data + sizeof(head);
	wrapped.size = file.size - sizeof(head);
	r = rows_unwrap(table, &wrapped);
	if (r == -EBADMSG)
		return log_errno(EKEYREJECTED,
				 "%s/%s is damaged, or not the one that the TPM holds a key for",
				 state_directory(), FILE_NAME);
	return r;
}

static int table_write(const struct table *table)
{
	_cleanup_blob_ struct blob wrapped = {0}, file = {0};
	_cleanup_free_ char *text = NULL;
	struct disk_head head = {.slot = (uint8_t)table->slot};
	char context[64];
	int r;

	put_number(((struct rows *)table->rows->data)->count, 4, table->n);
	memcpy(head.magic, MAGIC, sizeof(head.magic));
	put_number(head.generation, sizeof(head.generation), table->generation);
	memcpy(head.srk, table->srk.data, sizeof(head.srk));
	table_context(table, context);
	r = crypto_wrap(table->key, context, table->rows, &wrapped);
	if (r < 0)
		return r;
	file.size = sizeof(head) + wrapped.size;
	file.data = malloc(file.size);
	if (!file.data)
		return -ENOMEM;
	memcpy(file.data, &head, sizeof(head));
	memcpy(file.data + sizeof(head), wrapped.data, wrapped.size);
	text = base64_encode(&file);
	return text ? state_write(FILE_NAME, text) : -ENOMEM;
}

/* Copy all rows but @without into room for @n, which is one more or one less than before. */
static struct secret *rows_copy(const struct table *table, size_t n, const struct row *without)
{
	struct secret *copy = secret_new(ROWS_SIZE(n));
	struct row *to;

	if (!copy)
		return NULL;
	to = ((struct rows *)copy->data)->row;
	for (size_t i = 0; i < table->n; i++)
		if (row_of(table, i) != without)
			*to++ = *row_of(table, i);
	return copy;
}

static int erase_other(struct tpm *tpm, const struct table *table, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *left = NULL;
	int r = tpm_slot_read(tpm, &table->srk, !table->slot, &left, ret_reason);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return tpm_slot_erase(tpm, &table->srk, !table->slot, ret_reason);
}

/* Erase the key of the table before, since power may have gone after the new table was written. */
static int finish_erasure(struct tpm *tpm, const struct table *table, enum reason *ret_reason)
{
	int r = erase_other(tpm, table, ret_reason);

	return r < 0 ? log_errno(-r, "the TPM does not erase the key of an older table: %s",
				 reason_text(*ret_reason))
		     : 0;
}

/* Take the lock, read the table, and finish what a power cut has interrupted. */
static int table_load(struct tpm *tpm, struct table *table, int *ret_lock, enum reason *ret_reason)
{
	int r = state_lock(ret_lock);

	*ret_reason = REASON_NONE;
	if (r < 0)
		return r;
	r = table_read(tpm, table, ret_reason);
	if (r < 0)
		return r;
	r = state_remove(BEGUN_NAME);
	return r < 0 ? r : finish_erasure(tpm, table, ret_reason);
}

static bool was_begun(void)
{
	_cleanup_free_ char *text = NULL;

	return state_read(BEGUN_NAME, &text) == 0;
}

static int no_key(int error, enum reason reason)
{
	return log_errno(-error, "the TPM takes no key for tenants' factors: %s",
			 reason_text(reason));
}

/* Begin the first table of this TPM; it is still to be written. */
static int table_begin(struct tpm *tpm, struct table *table, enum reason *ret_reason)
{
	int r = tpm_srk_name(tpm, TPM_SRK_MAKE, &table->srk, ret_reason);

	if (r < 0)
		return no_key(r, *ret_reason);
	for (unsigned int slot = 0; slot < TPM_SLOTS; slot++) {
		_cleanup_secret_ struct secret *old = NULL;

		r = tpm_slot_read(tpm, &table->srk, slot, &old, ret_reason);
		if (r < 0 && r != -ENOENT)
			return no_key(r, *ret_reason);
		if (r != -ENOENT && !was_begun())
			return log_errno(
				EUCLEAN,
				"the TPM holds the key of a table of tenants' factors, but "
				"%s/%s is not there: bring it back. Only if there never were "
				"tenants, or to give them up for good: tpm2_nvundefine 0x%x "
				"and 0x%x",
				state_directory(), FILE_NAME, TPM_SLOT_INDEX, TPM_SLOT_INDEX + 1);
	}
	table->key = secret_random(TPM_SLOT_SIZE);
	table->rows = secret_new(ROWS_SIZE(0));
	if (!table->key || !table->rows)
		return -ENOMEM;
	if (state_write(BEGUN_NAME, "") < 0)
		return -EIO;
	for (unsigned int slot = 0; slot < TPM_SLOTS; slot++) {
		r = slot == 0 ? tpm_slot_write(tpm, &table->srk, slot, table->key, ret_reason)
			      : tpm_slot_erase(tpm, &table->srk, slot, ret_reason);
		if (r < 0)
			return no_key(r, *ret_reason);
	}
	return 0;
}

int factors_get(struct tpm *tpm, const char *uuid, struct secret **ret, enum reason *ret_reason)
{
	_cleanup_table_ struct table table = {0};
	_cleanup_close_ int lock = -1;
	const struct row *row;
	int r = table_load(tpm, &table, &lock, ret_reason);

	if (r < 0)
		return r;
	row = find(&table, uuid);
	if (!row)
		return -ENOENT;
	*ret = secret_copy(row->factor, FACTOR_SIZE);
	return *ret ? 0 : -ENOMEM;
}

int factors_add(struct tpm *tpm, const char *uuid, struct secret **ret, enum reason *ret_reason)
{
	_cleanup_table_ struct table table = {0};
	_cleanup_secret_ struct secret *factor = secret_random(FACTOR_SIZE);
	_cleanup_close_ int lock = -1;
	struct secret *rows;
	struct row *row;
	int r = table_load(tpm, &table, &lock, ret_reason);

	if (r == -ENOENT)
		r = table_begin(tpm, &table, ret_reason);
	if (r < 0)
		return r;
	if (find(&table, uuid))
		return -EEXIST;
	if (table.n == FACTORS_MAX)
		return log_errno(ENOSPC, "there is no room for more than %d tenants", FACTORS_MAX);
	rows = rows_copy(&table, table.n + 1, NULL);
	if (!rows || !factor) {
		secret_free(rows);
		return -ENOMEM;
	}
	secret_free(table.rows);
	table.rows = rows;
	row = row_of(&table, table.n++);
	memcpy(row->uuid, uuid, UUID_SIZE);
	memcpy(row->factor, factor->data, FACTOR_SIZE);
	table.generation++;
	r = table_write(&table);
	if (r < 0)
		return r;
	r = state_remove(BEGUN_NAME);
	if (r < 0)
		return r;
	*ret = steal(factor);
	return 0;
}

int factors_erase(struct tpm *tpm, const char *uuid, enum reason *ret_reason)
{
	_cleanup_table_ struct table old = {0}, new = {0};
	_cleanup_close_ int lock = -1;
	const struct row *row;
	int r = table_load(tpm, &old, &lock, ret_reason);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	row = find(&old, uuid);
	if (!row)
		return 0;
	new.generation = old.generation + 1;
	new.slot = !old.slot;
	new.srk = old.srk;
	new.n = old.n - 1;
	new.key = secret_random(TPM_SLOT_SIZE);
	new.rows = rows_copy(&old, new.n, row);
	if (!new.key || !new.rows)
		return -ENOMEM;
	r = tpm_slot_write(tpm, &new.srk, new.slot, new.key, ret_reason);
	if (r < 0)
		return log_errno(-r, "the TPM takes no new key: %s; nothing is erased",
				 reason_text(*ret_reason));
	r = table_write(&new);
	return r < 0 ? r : finish_erasure(tpm, &new, ret_reason);
}
