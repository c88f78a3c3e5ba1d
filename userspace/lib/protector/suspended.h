/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protection suspended for an update, as BitLocker has it, and without its clear key on disk: a
 * key sealed in the TPM for the next few boots, however the machine boots in them. It needs this
 * TPM, and one that was not capped in this boot; the TPM's count of resets ends it by itself. A
 * boot that is no reset, after TPM2_Shutdown(STATE), would not be counted, and opens nothing: this
 * is how a resumed hibernation looks, too.
 */
#ifndef FVE_PROTECTOR_SUSPENDED_H
#define FVE_PROTECTOR_SUSPENDED_H

#include "protector/tpm2.h"

/* Suspend for the next boots, as @spec says, in place of one that is there. The messages are made
 * here. */
int protector_suspended_add(struct header *header, const struct secret *fvek,
			    const struct protector_spec *spec, const char *tcti);

/* Remove it. -ENOENT with a message. */
int protector_suspended_remove(struct header *header, const struct secret *fvek);

/* As protector_tpm2_open(): REASON_SUSPEND_EXPIRED, REASON_TPM_RESTARTED, REASON_CAPPED. */
int protector_suspended_open(struct header *header, const struct protector *protector,
			     const char *tcti, struct secret **ret_fvek,
			     struct refusal *ret_refusal);

/*
 * Whether it would open now; @ret_left: in how many boots after this one it will, or -1 where
 * that is not known or over.
 */
int protector_suspended_check(const struct header *header, const struct protector *protector,
			      const char *tcti, int *ret_left, struct refusal *ret_refusal);

#endif
