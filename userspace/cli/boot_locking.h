/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "What was opened by nobody is shown to nobody": while no person's secret opened anything in this
 * boot, no shell and no stranger's system is let at the volumes that are open.
 */
#pragma once

#include "cli/boot.h"

#define BOOT_OPEN_MAX 512 /* mappings; tenants have many in a booted system */

/* Mappings of this boot, as boot_find_open() finds them. */
struct boot_open {
	struct {
		char name[FVETAB_NAME_MAX + 1];
		dev_t number;
		bool ours; /* boot-unlock opened it, and it is no other than the machine had */
		bool unattended; /* no person's secret opened it */
	} volume[BOOT_OPEN_MAX];
	size_t n;
	bool unattended; /* some of them are, and no person opened the machine's volumes */
};

/* All mappings of ours; -errno with a message. */
int boot_find_open(struct boot_open *ret);

/* The numbers of those that are the machine's volumes, into @ret; gives how many. */
size_t boot_numbers(const struct boot_open *open, dev_t ret[BOOT_OPEN_MAX]);

/*
 * Cap the TPM; then, while the boot is unattended, revoke the keys of all mappings and remove them,
 * busy or not, and keep machines' protectors from opening them again. 0: nothing is left that a
 * stranger could read. -errno with a message: the boot must not go on.
 */
int boot_lock_volumes(struct boot *boot);
