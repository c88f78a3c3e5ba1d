/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to be opened at boot: /etc/fvetab, and the rd.fve.* words of the kernel command line.
 * Pure parsers over text that is in memory; fvetab(5) is their specification.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/identity.h"

#define FVETAB_MAX	   32	 /* volumes */
#define FVETAB_LINE_MAX	   1024	 /* bytes of a line, with its end */
#define FVETAB_NAME_MAX	   127	 /* of a mapping; volume.h */
#define FVETAB_PATH_MAX	   255	 /* of a device or a file */
#define FVETAB_SECONDS_MAX 86400 /* longest wait */
#define FVETAB_TRIES_MAX   100

/* What fvetab(5) says of which volume it has to be. */
enum fvetab_identity {
	FVETAB_IDENTITY_UNSET,
	FVETAB_IDENTITY_ANY,   /* identity=any: whoever made it */
	FVETAB_IDENTITY_GIVEN, /* identity=HEX */
};

/* One volume. Numbers that were not given are FVETAB_UNSET. */
#define FVETAB_UNSET UINT32_MAX
struct fvetab_entry {
	char name[FVETAB_NAME_MAX + 1];
	char device[FVETAB_PATH_MAX + 1];   /* "/dev/...", "UUID=...", "LABEL=...", "PART...=..." */
	uint32_t kinds;			    /* protectors: bits of enum protector_kind; 0: all */
	uint32_t timeout_s;		    /* how long to wait for the device */
	uint32_t tries;			    /* how often to ask for a secret */
	char key_path[FVETAB_PATH_MAX + 1]; /* startup key: path on its medium, or "" */
	char key_device[FVETAB_PATH_MAX + 1];	/* the medium, spelt as a device, or "" */
	uint32_t key_timeout_s;			/* how long to wait for the medium */
	uint32_t net_timeout_s;			/* how long to ask servers; 0: without end */
	char target[8];				/* "fve", "crypt", "auto"; "" when not given */
	char new_recovery[FVETAB_PATH_MAX + 1]; /* directory for new recovery passwords, or "" */
	char reseal[8];				/* "auto", "ask", "never"; "" when not given */
	char escrow[FVETAB_PATH_MAX + 1]; /* certificate that new ones are escrowed to, or "" */
	enum fvetab_identity identity_is;
	uint8_t identity[IDENTITY_SIZE]; /* where it is given */
	bool initrd, network, nofail, noauto, read_only, discard;
	bool ask_servers; /* those of tpm2-net, beside whatever question there is */
};

struct fvetab {
	struct fvetab_entry entry[FVETAB_MAX];
	size_t n;
};

/*
 * Parse the text of a table. A line that is wrong is left out and told to @complain with its
 * number; an option that is not known, or without which the volume opens as well and whose value is
 * wrong, is told and skipped, the line stays. Gives the number of lines that were left out.
 */
size_t fvetab_parse(const char *text, struct fvetab *ret,
		    void (*complain)(unsigned int line, const char *what, const char *word));

/*
 * The line of an entry, of which the parser took no complaint, with its identity as the last
 * option; the caller frees. NULL on out of memory.
 */
char *fvetab_add_identity(const char *line, const uint8_t identity[IDENTITY_SIZE]);

/* Whether @text may name a mapping: the letters of volume_check_name(), which has the last word. */
bool fvetab_is_name(const char *text);

/* The rd.fve.* words of the kernel command line, rd.fve.name=UUID=NAME, and root= and resume=. */
struct bootargs {
	bool disabled;			  /* rd.fve=0 */
	bool recovery;			  /* rd.fve.recovery=1 */
	uint32_t timeout_s;		  /* rd.fve.timeout=, or FVETAB_UNSET */
	char root[FVETAB_PATH_MAX + 1];	  /* root= */
	char resume[FVETAB_PATH_MAX + 1]; /* resume= */
	bool no_credentials;		  /* systemd.import_credentials=no */
	uint32_t resume_offset;		  /* resume_offset=, pages */
	struct {
		char uuid[FVETAB_PATH_MAX + 1];
		char name[FVETAB_NAME_MAX + 1]; /* "" when none is given */
	} volume[FVETAB_MAX];
	size_t n;
};

/* As fvetab_parse(), in bootargs.c; a word that is wrong is told with line 0 and left out. Gives
 * their number. */
size_t bootargs_parse(const char *cmdline, struct bootargs *ret,
		      void (*complain)(unsigned int line, const char *what, const char *word));

/* When volumes are opened. */
enum fvetab_phase {
	FVETAB_INITRD,	/* in the initramfs */
	FVETAB_SYSTEM,	/* in the booted system, before its local file systems */
	FVETAB_NETWORK, /* once its network is up */
};

/*
 * The volumes to open now, in order, as entries of @table: in the initramfs those marked
 * "initrd", or those and only those that the command line names, and the one that root= names
 * first; in the booted system all that are neither "noauto" nor "netdev"; with the network those
 * that are "netdev". A @name picks one, whatever its marks.
 */
void fvetab_select(struct fvetab *table, const struct bootargs *args, enum fvetab_phase phase,
		   const char *name);

/*
 * Where udev puts a device: "/dev/disk/by-uuid/..." for "UUID=...". -ENAMETOOLONG. Lengths and
 * spelling were checked by the parser.
 */
int fvetab_device_path(const char *device, char ret[FVETAB_PATH_MAX + 32]);
