/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the machine has booted, as the PCRs and the event log tell it: which PCRs are worth sealing
 * to, and what they held when the volume was, or would have been, unlocked.
 */
#ifndef FVE_BOOT_STATE_H
#define FVE_BOOT_STATE_H

#include "base/reason.h"
#include "measured/event_log.h"

/* A boot chain to be approved. */
struct boot_state {
	struct pcr_values pcrs;	     /* at the time of unlocking */
	struct policy_events events; /* what was measured; empty where there is no log */
};

/*
 * Choose the PCRs and refuse those that would release the key to any initrd, unless @unsafe.
 * @mask 0 means the default for this machine. @found holds all PCRs. The message is made here.
 */
int boot_state_choose(uint32_t mask, bool unsafe, const struct pcr_values *found,
		      uint32_t *ret_mask, enum reason *ret_reason);

/*
 * Whether any system that is started on this machine can bring the PCRs of @mask to what an
 * approved boot had: it has one of PCR_MASK_REPLAYED without PCR 4, and Secure Boot is not on, or
 * in setup mode. REASON_WEAK_PCRS.
 */
bool boot_state_weak(uint32_t mask);

/*
 * What the PCRs in @mask, and the cap's, held at the time of unlocking in this boot. The cap's is
 * at its start value then, and PCR 11 has no phase beyond the initrd's: systemd-pcrphase(8)
 * extends it on and on. @log may be empty: then PCR 11 is taken as it is. -ESTALE with a message:
 * PCR 11 holds what neither the log nor a phase explains.
 */
int boot_state_at_unlock(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
			 struct boot_state *ret);

/*
 * Whether PCR 11 as @found is @logged, which the log gives for it, and then some phases. Brings
 * @logged to where it was at the time of unlocking: with the first phase where there was one.
 */
bool boot_state_phases(const uint8_t found[SHA256_SIZE], uint8_t logged[SHA256_SIZE]);

/* Extend PCR 11's @value with the first phase. */
int boot_state_enter_initrd(uint8_t value[SHA256_SIZE]);

/* Whether the TPM was capped in this boot. */
bool boot_state_capped(const struct pcr_values *found);

#endif
