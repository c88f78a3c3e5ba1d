// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mutate - what is on the disk when the buffer changes while it is written?
 *
 * One thread writes a buffer to the device with O_DIRECT, another keeps changing all of it from one
 * value to a second and back. Whatever the device does with the data, each 64-bit word that is read
 * back later must be one of the two: a device that reads the buffer twice, or encrypts it where it
 * is, leaves something else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE   4096u
#define WORDS  32768u /* 256 KiB: more than the target takes in one piece */

#define FIRST  UINT64_C(0x0123456789abcdef)
#define SECOND UINT64_C(0xfedcba9876543210)

static _Atomic uint64_t *words; /* the buffer that is written */
static atomic_bool stop;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "mutate: %s %s: %s\n", what, name, strerror(errno));
	exit(2);
}

static void fill(uint64_t value)
{
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&words[i], value, memory_order_relaxed);
}

static void *change(void *argument)
{
	(void)argument;
	while (!stop) {
		fill(SECOND);
		fill(FIRST);
	}
	return NULL;
}

/* Returns how many words hold the second value, or -1 where one holds neither. */
static int64_t count_second(const uint64_t *found, size_t nr)
{
	int64_t second = 0;

	for (size_t i = 0; i < nr; i++) {
		if (found[i] == SECOND) {
			second++;
		} else if (found[i] != FIRST) {
			printf("word %zu of %zu is %016" PRIx64 ", which was never in the buffer\n",
			       i, nr, found[i]);
			return -1;
		}
	}
	return second;
}

int main(int argc, char **argv)
{
	unsigned int count, mixed = 0;
	uint64_t size, *back;
	const char *name;
	pthread_t thread;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: mutate COUNT DEVICE\n");
		return 2;
	}
	count = strtoul(argv[1], NULL, 10);
	name = argv[2];
	fd = open(name, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) != 0)
		die("cannot open", name);
	if (size < WORDS * sizeof(uint64_t)) {
		fprintf(stderr, "mutate: %s is too small\n", name);
		return 2;
	}
	words = aligned_alloc(PAGE, WORDS * sizeof(uint64_t));
	back = aligned_alloc(PAGE, WORDS * sizeof(uint64_t));
	if (!words || !back)
		die("no memory for", name);
	fill(FIRST);
	if (pthread_create(&thread, NULL, change, NULL) != 0)
		die("cannot start a thread for", name);

	for (unsigned int i = 0; i < count; i++) {
		/* 4 KiB, 8 KiB, ... 256 KiB */
		size_t nr = (WORDS >> 6) << (i % 7), bytes = nr * sizeof(uint64_t);
		int64_t second;

		if (pwrite(fd, (const void *)words, bytes, 0) != (ssize_t)bytes)
			die("cannot write", name);
		if (pread(fd, back, bytes, 0) != (ssize_t)bytes)
			die("cannot read", name);
		second = count_second(back, nr);
		if (second < 0)
			return 1;
		mixed += second > 0 && second < (int64_t)nr;
	}
	stop = true;
	pthread_join(thread, NULL);
	printf("mutate: %u writes, %u of them caught the buffer in between\n", count, mixed);
	return 0;
}
