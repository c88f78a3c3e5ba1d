/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The volume master key: 32 random bytes between the machine's protectors and the FVEK.
 *
 *	KEK --unwrap--> VMK --keyslot--> FVEK		a machine's protector opens the volume
 *	FVEK --unwrap--> VMK, KEK			whoever has the volume can rewrap them
 *
 * Every wrap is AES-256-GCM bound to the volume and to its place by associated data; the keys
 * that wrap in the second direction are derived from the FVEK (docs/on-disk.md).
 */
#pragma once

#include "header/header.h"
#include "keys/token.h"

#define VMK_SIZE 32
#define KEK_SIZE 32

/*
 * Make the first VMK of a volume: its keyslot, then its token. What the header says is taken as it
 * is and gets its first MAC.
 */
int vmk_create(struct header *header, const struct secret *fvek, struct secret **ret_vmk);

/*
 * The "fve-vmk" token of the present VMK: the newest that has its keyslot, for there are two while
 * a rotation is under way. -ENOENT, -EBADMSG: none, or damaged; the message is made here.
 */
int vmk_token(const struct header *header, struct token_vmk *ret);

/* The keyslot of the VMK of @generation; -1: there is none. */
int vmk_slot(const struct header *header, uint32_t generation);

/* The link of a VMK, token->vmk, from and to the VMK itself. */
int vmk_link_wrap(const struct header *header, const struct secret *fvek, const struct secret *vmk,
		  struct token_vmk *token);
int vmk_link_unwrap(const struct header *header, const struct secret *fvek,
		    const struct token_vmk *token, struct secret **ret_vmk);

/*
 * Return whether the header has tokens of a VMK, and all of them belong to another volume key or
 * UUID than it has now: a stock tool has changed that, and what the VMK opened is dead.
 */
bool vmk_is_foreign(const struct header *header, const struct secret *fvek);
/* The present VMK, and its generation where @ret_generation is not NULL. */
int vmk_from_fvek(const struct header *header, const struct secret *fvek, uint32_t *ret_generation,
		  struct secret **ret_vmk);

/*
 * The VMK under the KEK of protector @id of @kind. -EBADMSG from unwrapping: KEK, VMK
 * generation, protector or volume are not those of the wrap.
 */
int vmk_wrap(const struct header *header, const char *kind, const char *id, uint32_t generation,
	     const struct secret *kek, const struct secret *vmk, struct blob *ret);
int vmk_unwrap(const struct header *header, const char *kind, const char *id, uint32_t generation,
	       const struct secret *kek, const struct blob *wrapped, struct secret **ret_vmk);

/* A machine's protector at its last step: its KEK, and what its token has wrapped. */
struct vmk_holder {
	const char *kind, *id;
	uint32_t generation; /* of the VMK in @vmk */
	const struct secret *kek;
	const struct blob *vmk;		/* wrapped under @kek */
	const struct blob *wrapped_kek; /* @kek wrapped under the FVEK */
};

/* The holder that @token is, a token of any machine's protector, with the KEK that came of it. */
#define VMK_HOLDER(kind_name, token, token_kek)    \
	((const struct vmk_holder){                \
		.kind = (kind_name),               \
		.id = (token)->head.id,            \
		.generation = (token)->generation, \
		.kek = (token_kek),                \
		.vmk = &(token)->vmk,              \
		.wrapped_kek = &(token)->kek,      \
	})

/*
 * What a machine's protector is for: its KEK to the FVEK. The keyslot is the header's word, and so
 * is any FVEK that comes out of it, until both keys are found wrapped under that FVEK: the VMK in
 * its fve-vmk token and the KEK in the protector's. Who chose an FVEK of his own knows neither.
 *
 * -EBADMSG as vmk_unwrap(); -EPERM: what was unwrapped is not this volume's VMK of @generation, or
 * there is none any more; -EKEYREJECTED: the FVEK is not that of these keys. Then @ret_reason is
 * token-corrupt, header-mac, or what is wrong with the keyslot. No message.
 */
int vmk_open(struct header *header, const struct vmk_holder *holder, struct secret **ret_fvek,
	     enum reason *ret_reason);

/* The KEK of a protector under the FVEK, so that a VMK rotation needs nobody present. */
int kek_wrap(const struct header *header, const char *kind, const char *id,
	     const struct secret *fvek, const struct secret *kek, struct blob *ret);
int kek_unwrap(const struct header *header, const char *kind, const char *id,
	       const struct secret *fvek, const struct blob *wrapped, struct secret **ret_kek);

/* What the policy's token holds under the VMK: the policy key's private half, lockoutAuth. */
enum policy_secret {
	POLICY_PRIVATE,
	POLICY_LOCKOUT_AUTH
};

int policy_secret_wrap(const struct header *header, enum policy_secret which, uint32_t generation,
		       const struct secret *vmk, const struct secret *secret, struct blob *ret);
int policy_secret_unwrap(const struct header *header, enum policy_secret which, uint32_t generation,
			 const struct secret *vmk, const struct blob *wrapped, struct secret **ret);
