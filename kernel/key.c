// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fetching, using and dropping the key. No other file touches key bytes. They are read in place
 * from the payload of a key in the kernel keyring, under that key's semaphore, and go straight to
 * the engine; no copy is made here.
 *
 * Who may use the key, and when it is zeroed. key->users is live exactly while the key may be
 * used. Each use of the cipher is inside fve_key_get() and fve_key_put(). fve_key_drop()
 *
 *   a) kills the reference: from then on every fve_key_get() fails, except those that ran before
 *      the kill became visible, and these have raised the count;
 *   b) waits for the count to reach zero. percpu_ref sums the CPUs' counts after an RCU grace
 *      period, so all of a) are in the sum;
 *   c) frees the cipher, which zeroes the schedule. Nobody is left who could read it, and nobody
 *      can come before fve_key_set() publishes another.
 *
 * A use is one bio's encryption or decryption and never waits for I/O, so b) is short even while
 * the lower device hangs. A read whose data comes back after a) finds no key and fails: ciphertext
 * is never passed up as data.
 */

#include <linux/err.h>
#include <linux/key.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <crypto/algapi.h>
#include <keys/encrypted-type.h>
#include <keys/trusted-type.h>
#include <keys/user-type.h>

#include "dm-fve.h"

static void users_gone(struct percpu_ref *users)
{
	complete(&container_of(users, struct fve_key, users)->users_gone);
}

int fve_key_init(struct fve_key *key)
{
	mutex_init(&key->lock);
	init_completion(&key->users_gone);
	return percpu_ref_init(&key->users, users_gone,
			       PERCPU_REF_INIT_DEAD | PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
}

static void free_name(struct fve_key_name *name)
{
	kfree(name->type);
	kfree(name->description);
}

/* No I/O is left, so nobody uses the key. */
void fve_key_exit(struct fve_key *key)
{
	fve_cipher_free(key->cipher);
	percpu_ref_exit(&key->users);
	free_name(&key->name);
	kfree(key->engine);
}

static struct key_type *type_of(const char *name)
{
	if (!strcmp(name, "logon"))
		return &key_type_logon;
	if (!strcmp(name, "user"))
		return &key_type_user;
	/* The other two may be absent, or modules that a built-in dm-fve cannot reach. */
	if (IS_REACHABLE(CONFIG_ENCRYPTED_KEYS) && !strcmp(name, "encrypted"))
		return &key_type_encrypted;
	if (IS_REACHABLE(CONFIG_TRUSTED_KEYS) && !strcmp(name, "trusted"))
		return &key_type_trusted;
	return NULL;
}

/* Return the payload's bytes, borrowed. Needs key->sem. NULL: the key was revoked since it was
 * found. */
static const u8 *payload_of(const struct key *key, unsigned int *size)
{
	const void *payload = dereference_key_locked(key);

	if (!payload)
		return NULL;
	if (IS_REACHABLE(CONFIG_ENCRYPTED_KEYS) && key->type == &key_type_encrypted) {
		const struct encrypted_key_payload *encrypted = payload;

		*size = encrypted->decrypted_datalen;
		return encrypted->decrypted_data;
	}
	if (IS_REACHABLE(CONFIG_TRUSTED_KEYS) && key->type == &key_type_trusted) {
		const struct trusted_key_payload *trusted = payload;

		*size = trusted->key_len;
		return trusted->key;
	}
	*size = ((const struct user_key_payload *)payload)->datalen;
	return ((const struct user_key_payload *)payload)->data;
}

static int give_payload(const struct key *key, unsigned int size, struct fve_cipher *cipher,
			char **error)
{
	unsigned int payload_size;
	const u8 *bytes = payload_of(key, &payload_size);
	int r;

	if (!bytes) {
		*error = "Key is revoked";
		return -EKEYREVOKED;
	}
	if (payload_size != size) {
		*error = "Key in the keyring has another size";
		return -EINVAL;
	}
	/* With equal halves XTS is weaker than its proof (FIPS 140-3 IG C.I, IEEE 1619-2018). */
	if (!crypto_memneq(bytes, bytes + size / 2, size / 2)) {
		*error = "Key has equal halves, not an XTS key";
		return -EINVAL;
	}
	r = fve_cipher_set_key(cipher, bytes, size);
	if (r)
		*error = "Engine refuses the key";
	return r;
}

static int fetch(const struct fve_key_name *name, struct fve_cipher *cipher, char **error)
{
	struct key_type *type = type_of(name->type);
	struct key *key;
	int r;

	if (!type) {
		*error = "Key type is not available in this kernel";
		return -EINVAL;
	}
	key = request_key(type, name->description, NULL);
	if (IS_ERR(key)) {
		switch (PTR_ERR(key)) {
		case -EKEYREVOKED:
			*error = "Key is revoked";
			break;
		case -EKEYEXPIRED:
			*error = "Key has expired";
			break;
		default:
			*error = "Key is not in the keyring";
		}
		return PTR_ERR(key);
	}
	down_read(&key->sem);
	r = give_payload(key, name->size, cipher, error);
	up_read(&key->sem);
	key_put(key);
	return r;
}

static int copy_name(struct fve_key_name *to, const struct fve_key_name *from)
{
	to->size = from->size;
	to->type = kstrdup(from->type, GFP_KERNEL);
	to->description = kstrdup(from->description, GFP_KERNEL);
	if (to->type && to->description)
		return 0;
	free_name(to);
	return -ENOMEM;
}

int fve_key_set(struct fve_key *key, const struct fve_key_name *name, char **error)
{
	/* The device may be suspended, so reclaim must not wait for its I/O. */
	unsigned int noio = memalloc_noio_save();
	struct fve_key_name copy;
	struct fve_cipher *cipher;
	int r;

	r = copy_name(&copy, name);
	if (r) {
		*error = "Out of memory";
		goto out;
	}
	cipher = key->engine ? fve_cipher_alloc(key->engine)
			     : fve_cipher_alloc_best(name->size, key->unit_size);
	if (IS_ERR(cipher)) {
		*error = "Engine is not available in this kernel";
		r = PTR_ERR(cipher);
		goto out_name;
	}
	r = fetch(name, cipher, error);
	if (r)
		goto out_cipher;

	fve_key_drop(key, FVE_KEY_NONE);
	free_name(&key->name);
	key->name = copy;
	key->cipher = cipher;
	key->engine_used = cipher->engine->name;
	WRITE_ONCE(key->sleeps, cipher->context == FVE_MAY_SLEEP);
	reinit_completion(&key->users_gone);
	WRITE_ONCE(key->state, FVE_KEY_VALID);
	percpu_ref_reinit(&key->users);
	goto out;

out_cipher:
	fve_cipher_free(cipher);
out_name:
	free_name(&copy);
out:
	memalloc_noio_restore(noio);
	return r;
}

void fve_key_drop(struct fve_key *key, enum fve_key_state state)
{
	bool valid = key->state == FVE_KEY_VALID;

	WRITE_ONCE(key->state, state);
	if (!valid)
		return;
	percpu_ref_kill(&key->users);
	wait_for_completion(&key->users_gone);
	fve_cipher_free(key->cipher);
	key->cipher = NULL;
}
