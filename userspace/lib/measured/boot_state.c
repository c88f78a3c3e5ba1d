// SPDX-License-Identifier: LGPL-2.1-or-later
/* Judging the PCRs of this boot. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "measured/boot_state.h"

#define EFIVARS "/sys/firmware/efi/efivars"

static bool all_zero(const struct pcr_values *pcrs, uint32_t mask)
{
	static const struct pcr_values zero;

	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && memcmp(pcrs->value[i], zero.value[i], SHA256_SIZE))
			return false;
	return true;
}

/* Return a one-byte variable of the firmware (UEFI 2.10, 3.3); -1: it cannot be read. */
static int efi_flag(const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	uint8_t data[5]; /* 4 of attributes (Documentation/filesystems/efivarfs.rst), then the value
			  */

	if (asprintf(&path, EFIVARS "/%s-8be4df61-93ca-11d2-aa0d-00e098032b8c", name) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, data, sizeof(data)) != sizeof(data))
		return -1;
	return data[4];
}

bool boot_state_weak(uint32_t mask)
{
	if (!(mask & PCR_MASK_REPLAYED) || mask & 1u << PCR_IMAGES)
		return false;
	return efi_flag("SecureBoot") != 1 || efi_flag("SetupMode") != 0;
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
	if (!unsafe && boot_state_weak(mask)) {
		*ret_reason = REASON_WEAK_PCRS;
		return log_errno(
			EPERM,
			"PCRs %s are without 4, and Secure Boot is off: any system that is "
			"started here can extend them to what they are now and get the key "
			"(%s). Choose pcrs=... with 4, or add unsafe-pcrs if you mean it",
			text, reason_code(REASON_WEAK_PCRS));
	}
	*ret_mask = mask | 1u << PCR_CAP;
	return 0;
}

bool boot_state_capped(const struct pcr_values *found)
{
	return !all_zero(found, 1u << PCR_CAP);
}

/* systemd's phases in order (systemd-pcrphase.service(8)). The words themselves are hashed. */
static const char *const phases[] = {"enter-initrd", "leave-initrd", "sysinit",
				     "ready",	     "shutdown",     "final"};

static int extend_phase(uint8_t value[SHA256_SIZE], const char *phase)
{
	uint8_t digest[SHA256_SIZE];
	int r = crypto_sha256(&(struct span){phase, strlen(phase)}, 1, digest);

	return r < 0 ? r : pcr_extend(value, digest);
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

/* Into which PCRs the separators go (systemd-pcrosseparator.service, systemd-pcrnvdone.service). */
#define PCR_MASK_OS_SEPARATOR	 0x72ff
#define PCR_MASK_NVPCR_SEPARATOR (1u << 9)

int boot_state_extend_words(uint8_t value[SHA256_SIZE], unsigned words)
{
	static const char *const texts[] = {"enter-initrd", "os-separator", "nvpcr-separator"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int r = words & 1u << i ? extend_phase(value, texts[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

bool boot_state_explained(int pcr, const uint8_t found[SHA256_SIZE], uint8_t logged[SHA256_SIZE],
			  unsigned *ret_words)
{
	uint8_t before[SHA256_SIZE];
	unsigned possible = (PCR_MASK_OS_SEPARATOR & 1u << pcr ? WORD_OS_SEPARATOR : 0u) |
			    (PCR_MASK_NVPCR_SEPARATOR & 1u << pcr ? WORD_NVPCR_SEPARATOR : 0u);

	memcpy(before, logged, SHA256_SIZE);
	if (pcr == PCR_UKI) {
		bool explained = boot_state_phases(found, logged);

		*ret_words = memcmp(before, logged, SHA256_SIZE) ? WORD_ENTER_INITRD : 0;
		return explained;
	}
	for (unsigned words = 0; words <= possible; words++) {
		if (words & ~possible)
			continue;
		memcpy(logged, before, SHA256_SIZE);
		if (boot_state_extend_words(logged, words) < 0)
			return false;
		*ret_words = words;
		if (!memcmp(found, logged, SHA256_SIZE))
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
