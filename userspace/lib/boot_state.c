// SPDX-License-Identifier: LGPL-2.1-or-later
/* How the machine has booted. */
#include <errno.h>
#include <string.h>

#include "boot_state.h"
#include "log.h"

static bool all_zero(const struct pcr_values *pcrs, uint32_t mask)
{
	static const struct pcr_values zero;

	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && memcmp(pcrs->value[i], zero.value[i], SHA256_SIZE))
			return false;
	return true;
}

int boot_state_choose(uint32_t mask, bool unsafe, const struct pcr_values *found,
		      uint32_t *ret_mask, enum reason *ret_reason)
{
	_cleanup_free_ char *text = NULL;

	if (!mask)
		mask = all_zero(found, PCR_MASK_DEFAULT_UKI & PCR_MASK_INITRD)
			       ? PCR_MASK_DEFAULT
			       : PCR_MASK_DEFAULT_UKI;
	mask &= ~(1u << PCR_CAP);
	text = pcr_mask_format(mask);
	if (!text)
		return -ENOMEM;
	if (!unsafe && all_zero(found, mask)) {
		*ret_reason = REASON_BANK_DEAD;
		return log_errno(EPERM,
				 "the firmware has measured nothing into PCRs %s; a key "
				 "sealed to them would protect nothing",
				 text);
	}
	if (!unsafe && all_zero(found, mask & PCR_MASK_INITRD)) {
		*ret_reason = REASON_BANK_DEAD;
		return log_errno(EPERM,
				 "PCRs %s do not cover the initrd on this machine (that takes 9 or "
				 "11, measured); anyone could boot their own and get the key. "
				 "Choose pcrs=..., or add unsafe-pcrs if you mean it",
				 text);
	}
	*ret_mask = mask | 1u << PCR_CAP;
	return 0;
}

bool boot_state_capped(const struct pcr_values *found)
{
	return !all_zero(found, 1u << PCR_CAP);
}

/* In this order (systemd-pcrphase.service(8)); the words are what is hashed. */
static const char *const phases[] = {"enter-initrd", "leave-initrd", "sysinit",
				     "ready",	     "shutdown",     "final"};

static int extend_phase(uint8_t value[SHA256_SIZE], const char *phase)
{
	uint8_t digest[SHA256_SIZE];
	int r = crypto_sha256(&(struct span){phase, strlen(phase)}, 1, digest);

	return r < 0 ? r : pcr_extend(value, digest);
}

int boot_state_enter_initrd(uint8_t value[SHA256_SIZE])
{
	return extend_phase(value, phases[0]);
}

bool boot_state_phases(const uint8_t found[SHA256_SIZE], uint8_t logged[SHA256_SIZE])
{
	uint8_t value[SHA256_SIZE], first[SHA256_SIZE];

	if (!memcmp(found, logged, SHA256_SIZE))
		return true;
	memcpy(value, logged, SHA256_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		if (extend_phase(value, phases[i]) < 0)
			return false;
		if (i == 0)
			memcpy(first, value, SHA256_SIZE);
		if (memcmp(found, value, SHA256_SIZE))
			continue;
		memcpy(logged, first, SHA256_SIZE);
		return true;
	}
	return false;
}

int boot_state_at_unlock(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
			 struct boot_state *ret)
{
	struct boot_state state = {.pcrs.mask = mask | 1u << PCR_CAP};

	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && i != PCR_CAP)
			memcpy(state.pcrs.value[i], found->value[i], SHA256_SIZE);
	if (mask & 1u << PCR_UKI && log->n) {
		struct pcr_values logged;
		int r = event_log_replay(log, &logged);

		if (r < 0)
			return r;
		if (!boot_state_phases(found->value[PCR_UKI], logged.value[PCR_UKI]))
			return log_errno(
				ESTALE,
				"PCR %d holds more than the event log and systemd's phases "
				"explain; what it held at the time of unlocking is unknown",
				PCR_UKI);
		memcpy(state.pcrs.value[PCR_UKI], logged.value[PCR_UKI], SHA256_SIZE);
	}
	event_log_shorten(log, mask, &state.events);
	*ret = state;
	return 0;
}
