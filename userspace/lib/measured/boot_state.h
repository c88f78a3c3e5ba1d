/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of this boot, from the PCRs and the event log: which PCRs are worth sealing to, and
 * what they held when the volume was, or would have been, unlocked. Functions that return int
 * return 0 or -errno.
 */
#pragma once

#include "base/reason.h"
#include "measured/event_log.h"

/* A boot chain that can be approved. */
struct boot_state {
	struct pcr_values pcrs;	     /* as they are at the time of unlocking */
	struct policy_events events; /* the measured events; empty where there is no log */
};

/*
 * Choose the PCRs to seal to: @mask, or this machine's default where that is 0. @found holds all
 * PCRs. -EPERM: they would release the key to any initrd or to any system, or the firmware has
 * measured nothing into them; @unsafe allows that. Prints the message.
 */
int boot_state_choose(uint32_t mask, bool unsafe, const struct pcr_values *found,
		      uint32_t *ret_mask, enum reason *ret_reason);

/*
 * Return whether any system that is started on this machine can extend the PCRs of @mask to the
 * values of an approved boot (REASON_WEAK_PCRS): @mask has one of PCR_MASK_REPLAYED but not PCR 4,
 * and Secure Boot is off or in setup mode.
 */
bool boot_state_weak(uint32_t mask);

/*
 * Give the values that the PCRs in @mask, and the cap's, had at the time of unlocking in this boot.
 * The cap's PCR is at its start value then, and PCR 11 has no phase beyond the initrd's, although
 * systemd-pcrphase(8) extends it later. Where @log is empty, PCR 11 is taken as it is. -ESTALE with
 * a message: neither the log nor systemd's phases explain PCR 11.
 */
int boot_state_at_unlock(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
			 struct boot_state *ret);

/*
 * Return whether PCR 11, now @found, is the value @logged that the log gives, extended by some of
 * systemd's phases. If so, set @logged to the value at the time of unlocking, which includes the
 * first phase where there was one.
 */
bool boot_state_phases(const uint8_t found[SHA256_SIZE], uint8_t logged[SHA256_SIZE]);

/* Words that systemd extends PCRs with in the initramfs, before volumes are unlocked; a set of
 * them. */
enum boot_words {
	WORD_ENTER_INITRD = 1, /* the first phase, into PCR 11 */
	WORD_OS_SEPARATOR = 2, /* the end of the firmware's and loader's part: since systemd 260 */
	WORD_NVPCR_SEPARATOR = 4, /* into PCR 9, after that */
};

/*
 * Return whether PCR @pcr, now @found, is the value @logged that the log gives, extended by what
 * systemd extends it with. If so, set @logged to the value at the time of unlocking, and give the
 * words that lead there.
 */
bool boot_state_explained(int pcr, const uint8_t found[SHA256_SIZE], uint8_t logged[SHA256_SIZE],
			  unsigned *ret_words);

/* Extend @value with @words, in systemd's order. */
int boot_state_extend_words(uint8_t value[SHA256_SIZE], unsigned words);

/* Return whether the TPM was capped in this boot. */
bool boot_state_capped(const struct pcr_values *found);
