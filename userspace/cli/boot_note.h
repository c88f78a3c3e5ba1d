/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this boot did so far, in /run/fve/boot, which goes with the boot: a file for each volume
 * that boot-unlock mapped, and a mark that volumes are locked. All of it is written and read with
 * the lock of boot_hold() held where two could disagree.
 */
#pragma once

#include "keys/identity.h"
#include "protector/protector.h"
#include "volume/fvetab.h"

/* Which volume it is that was opened. */
enum boot_whose {
	BOOT_OURS,    /* the machine's own: its identity was known, and is this one */
	BOOT_ANY,     /* no identity was known, or none was asked for */
	BOOT_FOREIGN, /* a person opened another one than the machine had */
};

/* How a volume was opened. */
struct boot_note {
	enum protector_kind kind;
	char id[UUID_LENGTH + 1]; /* of the protector */
	bool mismatch;		  /* the TPM refused this boot state before */
	enum boot_whose whose;
	uint8_t identity[IDENTITY_SIZE];
};

/* -ENOENT: there is none; -EIO: it cannot be read as one. No message. */
int boot_note_read(const char *name, struct boot_note *ret);
int boot_note_write(const char *name, const struct boot_note *note);
void boot_note_remove(const char *name);

/* Whether a protector of @kind opens with nobody there: no secret was typed, and none brought. */
bool boot_note_unattended(enum protector_kind kind);

/*
 * Whether the machine's owner was there in this boot: a person's secret, a PIN or a startup key
 * opened a volume that is the machine's own.
 */
bool boot_attended(void);

/*
 * One at a time maps volumes or locks them, until @ret_fd is closed; waits for the other. -errno
 * with a message.
 */
int boot_hold(int *ret_fd);

/* The mark that keeps machines' protectors from opening anything, while nobody was there. */
int boot_mark_locked(void);
bool boot_is_locked(void);
