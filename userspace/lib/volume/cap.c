// SPDX-License-Identifier: LGPL-2.1-or-later
/* Capping the TPM. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys/vmk.h"
#include "measured/boot_state.h"
#include "os/module.h"
#include "protector/protector.h"
#include "tpm/tpm.h"
#include "volume/cap.h"

#define WAIT_STEP_USEC 50000

/* The drivers of TPMs on the PC's own buses, where they are modules. */
static const char *const drivers[] = {"tpm_crb", "tpm_tis"};

/* Where the firmware says that there is a TPM 2.0 (TCG ACPI Specification, 8.3). */
#define ACPI_TABLE "/sys/firmware/acpi/tables/TPM2"

/* Whether the kernel has a driver bound to a TPM, whatever udev has made of it. */
static bool kernel_has_tpm(void)
{
	_cleanup_dir_ DIR *dir = opendir("/sys/class/tpm");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "tpm", 3))
			return true;
	return false;
}

static bool have_device(void)
{
	return access("/dev/tpmrm0", F_OK) == 0 || access("/dev/tpm0", F_OK) == 0;
}

int cap_wait_for_tpm(const char *tcti)
{
	if (tcti || have_device())
		return 0;
	if (!kernel_has_tpm() && access(ACPI_TABLE, F_OK) < 0)
		return -ENODEV;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		module_load(drivers[i]);
	for (int i = 0; i < CAP_TPM_WAIT_S * 1000000 / WAIT_STEP_USEC; i++) {
		if (have_device())
			return 0;
		usleep(WAIT_STEP_USEC);
	}
	return -ENODEV;
}

int cap_identity(const struct header *header, const struct secret *fvek, uint8_t ret[SHA256_SIZE])
{
	_cleanup_secret_ struct secret *vmk = NULL, *identity = NULL;
	_cleanup_free_ char *info = NULL;
	int r = vmk_from_fvek(header, fvek, NULL, &vmk);

	if (r < 0)
		return r;
	if (asprintf(&info, "fve-id:%s", header_uuid(header)) < 0)
		return -ENOMEM;
	r = crypto_derive(vmk, info, &identity);
	if (r < 0)
		return r;
	memcpy(ret, identity->data, SHA256_SIZE);
	return 0;
}

static int read_cap(struct tpm *tpm, bool *ret, enum reason *ret_reason)
{
	struct pcr_values found;
	int r = tpm_read_pcrs(tpm, 1u << PCR_CAP, &found, ret_reason);

	if (r < 0)
		return r;
	*ret = boot_state_capped(&found);
	return 0;
}

int cap_tpm(const char *tcti, const uint8_t *identity, enum reason *ret_reason)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_secret_ struct secret *random = NULL;
	bool capped = false;
	int r;

	*ret_reason = REASON_NONE;
	if (cap_wait_for_tpm(tcti) < 0) {
		*ret_reason = REASON_TPM_ABSENT;
		return -ENODEV;
	}
	r = tpm_open(tcti, &tpm, ret_reason);
	if (r == 0)
		r = read_cap(tpm, &capped, ret_reason);
	/* No approval is over another bank. */
	if (r < 0 && *ret_reason == REASON_BANK_DEAD)
		return -ENODEV;
	if (r < 0)
		return r == -ENODEV ? -EIO : r; /* it is there, and does not answer */
	if (capped)
		return 0;
	if (!identity) {
		random = secret_random(SHA256_SIZE);
		if (!random)
			return -ENOMEM;
		identity = random->data;
	}
	*ret_reason = REASON_TPM_ERROR;
	r = tpm_extend(tpm, PCR_CAP, identity);
	if (r < 0)
		return r;
	r = read_cap(tpm, &capped, ret_reason);
	if (r < 0)
		return r;
	if (!capped)
		return -EIO;
	*ret_reason = REASON_NONE;
	return 0;
}

bool cap_has_tpm_protector(const struct header *header)
{
	return protector_any(header, kind_mask(KIND_TPM, 0));
}
