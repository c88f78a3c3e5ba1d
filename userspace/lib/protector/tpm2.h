/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TPM as protector: sealing a key, and saying why it is not released. */
#pragma once

#include "keys/second_factor.h"
#include "protector/refusal.h"

/* Shortest PIN in characters: BitLocker's, where each try costs one of 32. */
#define PIN_LENGTH_MIN 6

/* For the rows of kinds whose token has what a TPM sealed (kind.h). */
int protector_tpm2_read(const struct header *header, const char *json, struct protector *ret);
bool protector_tpm2_option(const char *name, char *value, struct protector_spec *spec);
int protector_tpm2_check(const struct header *header, const struct protector *protector,
			 const char *tcti, int *ret_boots_left, struct refusal *ret_refusal);
int protector_tpm2_rehearse(const char *path, const struct enrolment *how);
int protector_tpm2_add(struct header *header, const struct secret *fvek,
		       const struct enrolment *how);

/* Make the second factor that the kind takes, and put into the token what tells of it. */
typedef int protector_tpm2_make(const struct enrolment *how, struct token_tpm2 *token,
				struct second_factor *ret);

/*
 * Approve the machine's present boot state with the volume's policy key, which is made if there
 * is none; for one that replaces another it has to be approved already. Then seal a new key, unseal
 * it, and write the token. On a machine whose TPM is capped in this boot the new protector is not
 * tried, and a notice says so.
 */
int protector_tpm2_add_with(struct header *header, const struct secret *fvek,
			    const struct enrolment *how, protector_tpm2_make *make);

/*
 * Have the TPM release the key of a protector that gives it no authValue. On an error @ret_refusal
 * says why, and no message is printed. The caller frees the token in any case.
 */
int protector_tpm2_release(const struct header *header, const struct protector *protector,
			   const char *tcti, struct token_tpm2 *ret_token, struct secret **ret_key,
			   struct refusal *ret_refusal);

/* Open the volume by the @key that the TPM has released, and @factor where that has a half. */
int protector_tpm2_open_vmk(struct header *header, const struct protector *protector,
			    const struct token_tpm2 *token, const struct second_factor *factor,
			    const struct secret *key, struct secret **ret_fvek,
			    enum reason *ret_reason);

/*
 * Forget the wrong PINs that the TPM counts, where nobody else decides on that: to be called when a
 * person has shown the recovery password. Best effort, with a notice when it was done.
 */
void protector_tpm2_forgive(const struct header *header, const struct secret *fvek,
			    const char *tcti);
