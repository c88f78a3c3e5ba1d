// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * replay_log - what would be on the disk had the power been cut?
 *
 * A log of dm-log-writes (or of QEMU's blklogwrites) holds all writes of a disk in the order in
 * which flushes and FUA made them durable. Applied from the start to some entry it gives the disk
 * as a power cut there would have left it, at worst.
 *
 *   replay_log LOG                  list the entries: number, flags, sector, sectors, mark
 *   replay_log LOG DEVICE FROM TO   write entries FROM to TO - 1 to DEVICE
 *
 * The layout is that of drivers/md/dm-log-writes.c, numbers in little endian.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC	UINT64_C(0x6a736677736872)
#define VERSION 1

enum {
	FLUSH = 1 << 0,
	FUA = 1 << 1,
	DISCARD = 1 << 2,
	MARK = 1 << 3,
};

struct super {
	uint64_t magic, version, nr_entries;
	uint32_t sectorsize;
};

/* At the start of a sector; a mark's text follows in it, all other data in the next sectors. */
struct entry {
	uint64_t sector, nr_sectors, flags, data_len; /* in the log's sectors, bytes */
};

static void die(const char *what, const char *name)
{
	fprintf(stderr, "replay_log: %s %s: %s\n", what, name, errno ? strerror(errno) : "wrong");
	exit(2);
}

static void read_at(int fd, const char *name, void *to, size_t bytes, off_t at)
{
	errno = 0;
	if (pread(fd, to, bytes, at) != (ssize_t)bytes)
		die("cannot read", name);
}

static void print_entry(uint64_t number, const struct entry *e, const char *text)
{
	printf("%" PRIu64 " %s%s%s%s- %" PRIu64 " %" PRIu64 " %.*s\n", number,
	       e->flags & FLUSH ? "flush-" : "", e->flags & FUA ? "fua-" : "",
	       e->flags & DISCARD ? "discard-" : "", e->flags & MARK ? "mark-" : "", e->sector,
	       e->nr_sectors, e->flags & MARK ? (int)e->data_len : 0, text);
}

/* A discarded sector may hold anything; zeroes are what file systems trip over first. */
static void apply(int log, int device, const struct entry *e, off_t data, uint32_t sectorsize)
{
	size_t bytes = e->nr_sectors * sectorsize;
	void *buffer = calloc(1, bytes);

	if (!buffer)
		die("no memory for", "an entry");
	if (!(e->flags & DISCARD))
		read_at(log, "the log", buffer, bytes, data);
	errno = 0;
	if (pwrite(device, buffer, bytes, e->sector * sectorsize) != (ssize_t)bytes)
		die("cannot write to", "the device");
	free(buffer);
}

int main(int argc, char **argv)
{
	uint64_t from = 0, to = UINT64_MAX;
	int log, device = -1;
	struct super super;
	uint32_t sectorsize;
	off_t at;

	if (argc != 2 && argc != 5) {
		fprintf(stderr, "usage: replay_log LOG [DEVICE FROM TO]\n");
		return 2;
	}
	log = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (log < 0)
		die("cannot open", argv[1]);
	if (argc == 5) {
		device = open(argv[2], O_WRONLY | O_CLOEXEC);
		if (device < 0)
			die("cannot open", argv[2]);
		from = strtoull(argv[3], NULL, 10);
		to = strtoull(argv[4], NULL, 10);
	}
	read_at(log, argv[1], &super, sizeof(super), 0);
	sectorsize = le32toh(super.sectorsize);
	errno = 0;
	if (le64toh(super.magic) != MAGIC || le64toh(super.version) != VERSION || sectorsize < 512)
		die("no log of writes in", argv[1]);

	at = sectorsize;
	for (uint64_t i = 0; i < le64toh(super.nr_entries) && i < to; i++) {
		char sector[512];
		struct entry e;

		read_at(log, argv[1], sector, sizeof(sector), at);
		memcpy(&e, sector, sizeof(e));
		e = (struct entry){le64toh(e.sector), le64toh(e.nr_sectors), le64toh(e.flags),
				   le64toh(e.data_len)};
		if ((e.flags & MARK) && e.data_len > sizeof(sector) - sizeof(e))
			die("mark too long in", argv[1]);
		at += sectorsize;
		if (device < 0)
			print_entry(i, &e, sector + sizeof(e));
		else if (i >= from && e.nr_sectors)
			apply(log, device, &e, at, sectorsize);
		if (!(e.flags & DISCARD))
			at += (off_t)e.nr_sectors * sectorsize;
	}
	if (device >= 0 && fsync(device) != 0)
		die("cannot write to", argv[2]);
	return 0;
}
