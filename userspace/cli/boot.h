/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the boot-* actions share: what is configured, and capping. */
#pragma once

#include "cli/cli.h"
#include "keys/identity.h"
#include "volume/fvetab.h"

#define BOOT_TABLE   "/etc/fvetab"
#define BOOT_CMDLINE "/proc/cmdline"

/* One volume of the table, and how far it got. */
struct boot_volume {
	const struct fvetab_entry *entry;
	struct header *header; /* NULL: not there, or not readable */
	struct secret *fvek;   /* NULL: not unlocked */
	struct protector used; /* which protector gave it */
	struct boot_net *net;  /* owned; its servers are being asked (boot_net.h) */
	bool open;
	bool copied;			 /* it is refused: boot_refuse_copy() */
	bool mismatch;			 /* the TPM refused this boot state */
	bool foreign;			 /* it is not the volume that the machine had */
	uint8_t identity[IDENTITY_SIZE]; /* of the volume that the machine had */
	bool identity_known;		 /* and so it is checked */
	bool initrd;			 /* this is the initramfs */
	bool identity_missing;		 /* and cannot be told: no machine's protector opens it */
};

struct boot {
	const struct args *args;
	struct bootargs kernel;
	struct fvetab all;   /* the whole table */
	struct fvetab table; /* what is to be opened now, the root volume first */
	size_t n_wrong;	     /* lines of the table that say nothing, and so open nothing */
	bool initrd;	     /* this is the initramfs */
	bool root_refused;   /* the root volume did not open by itself in the initramfs */
	struct boot_volume volume[FVETAB_MAX];
};

/*
 * Read table and command line; complaints are printed. A table that is not there is an empty one.
 * In the initramfs it is its phase, whatever @phase is. -ENOMEM, or -errno with a message.
 */
int boot_load(const struct args *args, enum fvetab_phase phase, const char *name, struct boot *ret);
/* The text of a small file; "" where it is not there. The caller frees. */
int boot_read_text(const char *path, char **ret);
/* The text of the table alone; the caller frees. */
int boot_read_table(const struct args *args, char **ret);
/* How the parsers of fvetab.h tell what is wrong: as an error, with the line's number. */
void boot_complain(unsigned int line, const char *what, const char *word);
void boot_free(struct boot *boot);
#define _cleanup_boot_ __attribute__((cleanup(boot_free)))

/* What the table or the kernel command line says, or where it says nothing @standard. */
static inline uint32_t boot_chosen(uint32_t value, uint32_t standard)
{
	return value != FVETAB_UNSET ? value : standard;
}

/* Open the header of @volume where it is not open yet. The message is made here. */
int boot_load_header(struct boot_volume *volume);
/* The same for who knows its device, whatever the table says. */
int boot_load_header_of(struct boot_volume *volume, const char *device);

/*
 * Refuse the volume where its header was found by a name of the table that another device here has,
 * too: a disk and its copy, of which one would be opened for the other. -ENOTUNIQ with a message:
 * the header stays open, and nothing is opened by it.
 */
int boot_refuse_copy(struct boot_volume *volume);

/*
 * Cap the TPM, with @identity or random bytes where it is NULL. 0 as well where there is no TPM,
 * or where it failed and no volume here has a protector that it could release; else the boot must
 * not go on, and the message says so.
 */
int boot_cap(struct boot *boot, const uint8_t *identity);

/* boot_volumes.c */

/*
 * Wait for the devices of all volumes, and read their headers; what is mapped already is open. All
 * waits start together: the longest of them is the longest wait of the boot.
 */
void boot_find_devices(struct boot *boot);
/* Map @volume, whose FVEK is at hand, and leave a note of it; with --test only say what opened. */
int boot_map(const struct boot *boot, struct boot_volume *volume);
