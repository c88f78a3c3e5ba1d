/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The servers of tpm2-net are asked by a process of its own, while whatever question there is stays
 * open: whichever comes first opens the volume. The TPM's share is taken before, so that the cap
 * waits for neither. That process is given no secret; it gives back one, in a page that both share.
 */
#pragma once

#include "cli/boot.h"

#define BOOT_NET_TIMEOUT_S 30 /* where the table has no net-timeout= */

/*
 * Have the TPM release the share of the first tpm2-net of @volume that it does release, and begin
 * to ask. Refusals are told as @how says. Where nothing was begun, @volume->net stays NULL.
 */
void boot_net_start(const struct boot *boot, struct boot_volume *volume, const struct unlock *how);

/* A descriptor that can be read once a server has answered; 0: nobody is asked. */
int boot_net_answered(const struct boot_volume *volume);

/* Open @volume by the answer. -errno, and the refusal was told: it is no answer to this volume. */
int boot_net_open(struct boot_volume *volume, const struct unlock *how);

/* The same, after waiting until a server has answered or the time is over. */
int boot_net_wait(struct boot_volume *volume, const struct unlock *how);

/* Ask nobody any more, and forget the share. */
void boot_net_free(struct boot_volume *volume);
