// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * nth_fault - fail every allocation of one operation of the kernel, one after another
 *
 * The operation is done again and again; the first time its first place that can be made to fail
 * does, then its second, and so on, until it meets fewer places than that (/proc/self/fail-nth,
 * Linux Documentation/fault-injection/fault-injection.rst). Between two rounds nothing is failed,
 * and what the operation left must be in order:
 *
 *   load MODULE.ko            load it, and take it away again
 *
 *   table NAME "TABLE LINE"   load it into a mapping, resume that; then an error table. NAME stays
 *
 *   message NAME TEXT [UNDO]  send it to a suspended mapping; then the messages UNDO
 *
 *   suspend NAME              suspend and resume; then resume it, if it is not
 *
 *   status NAME               ask for status and table
 *
 *   read DEVICE BYTES         read, which gives an error or the right data
 *
 *   write DEVICE BYTES        write, then read: what was reported as done is there, and a sector
 *                             that was not is the old or the new one
 *
 *   flush DEVICE              fsync
 *
 *   discard DEVICE BYTES      discard the device's last BYTES
 *
 * With "--every N" before the operation only every Nth place.
 *
 * Prints "OPERATION: N places, M refused, the others survived". Data of DEVICE's first BYTES is
 * replaced. Needs a kernel with FAULT_INJECTION, failslab and fail_page_alloc set to fail waiting
 * allocations as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

#define SECTOR	 512u
#define MAX_NTH	 100000
#define MAX_UNDO 8

static char **words; /* of the command line, after the operation */
static int nr_words;
static unsigned int nth; /* of this round; 0: nothing fails */
static int fail_fd;

static void __attribute__((noreturn, format(printf, 1, 2))) give_up(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nth_fault: at place %u: ", nth);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static void arm(void)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_fd, text, size, 0) != size)
		give_up("cannot write /proc/thread-self/fail-nth");
}

/* True if the place was met, so that something was failed. */
static bool disarm(void)
{
	char text[16] = "";
	bool met;

	if (pread(fail_fd, text, sizeof(text) - 1, 0) <= 0)
		give_up("cannot read /proc/thread-self/fail-nth");
	met = atoi(text) == 0;
	if (pwrite(fail_fd, "0", 1, 0) != 1)
		give_up("cannot write /proc/thread-self/fail-nth");
	return met;
}

/* One request to device-mapper; table and message may be NULL. Errors of the library are not shown.
 */
static bool mapper(int type, const char *name, const char *table, const char *message)
{
	struct dm_task *task = dm_task_create(type);
	unsigned long long start, length;
	char target[32];
	int params = 0, done;

	if (!task || !dm_task_set_name(task, name))
		give_up("libdevmapper");
	if (table) {
		if (sscanf(table, "%llu %llu %31s%n", &start, &length, target, &params) != 3 ||
		    !dm_task_add_target(task, start, length, target,
					table + params + strspn(table + params, " ")))
			give_up("no table line: %s", table);
	}
	if (message && (!dm_task_set_sector(task, 0) || !dm_task_set_message(task, message)))
		give_up("libdevmapper");
	done = dm_task_run(task);
	dm_task_destroy(task);
	return done;
}

static bool is_suspended(const char *name)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_INFO);
	struct dm_info info = {};

	if (!task || !dm_task_set_name(task, name) || !dm_task_run(task) ||
	    !dm_task_get_info(task, &info) || !info.exists)
		give_up("no mapping %s", name);
	dm_task_destroy(task);
	return info.suspended;
}

/* Each operation: do it, return whether it said that it was done; *met: a place was failed. */

static bool op_load(bool *met)
{
	int fd = open(words[0], O_RDONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		give_up("cannot open %s", words[0]);
	arm();
	done = syscall(SYS_finit_module, fd, "", 0) == 0;
	*met = disarm();
	close(fd);
	if (done && syscall(SYS_delete_module, "dm_fve", 0) != 0)
		give_up("cannot remove the module");
	return done;
}

static bool load(const char *table)
{
	return mapper(DM_DEVICE_RELOAD, words[0], table, NULL) &&
	       mapper(DM_DEVICE_RESUME, words[0], NULL, NULL);
}

/* A table of the same size without a target of ours. */
static void load_error_table(void)
{
	_cleanup_free_ char *table = NULL;
	unsigned long long start, length;

	if (sscanf(words[1], "%llu %llu", &start, &length) != 2 ||
	    asprintf(&table, "%llu %llu error", start, length) < 0 || !load(table))
		give_up("cannot load an error table into %s", words[0]);
}

static bool op_table(bool *met)
{
	static bool there;
	bool done;

	/* A disk is made with a mapping's first table: hundreds of places that are not the
	 * target's. */
	if (!there && !mapper(DM_DEVICE_CREATE, words[0], NULL, NULL))
		give_up("cannot create %s", words[0]);
	if (!there)
		load_error_table();
	there = true;
	arm();
	done = load(words[1]);
	*met = disarm();
	load_error_table();
	return done;
}

static bool op_message(bool *met)
{
	bool done;

	arm();
	done = mapper(DM_DEVICE_TARGET_MSG, words[0], NULL, words[1]);
	*met = disarm();
	for (int i = 2; i < nr_words; i++)
		if (!mapper(DM_DEVICE_TARGET_MSG, words[0], NULL, words[i]))
			give_up("message %s is refused", words[i]);
	return done;
}

static bool op_suspend(bool *met)
{
	bool done;

	arm();
	done = mapper(DM_DEVICE_SUSPEND, words[0], NULL, NULL) &&
	       mapper(DM_DEVICE_RESUME, words[0], NULL, NULL);
	*met = disarm();
	if (is_suspended(words[0]) && !mapper(DM_DEVICE_RESUME, words[0], NULL, NULL))
		give_up("cannot resume %s", words[0]);
	return done;
}

static bool op_status(bool *met)
{
	bool done;

	arm();
	done = mapper(DM_DEVICE_STATUS, words[0], NULL, NULL) &&
	       mapper(DM_DEVICE_TABLE, words[0], NULL, NULL);
	*met = disarm();
	return done;
}

static int device = -1;
static size_t bytes;
static uint8_t *old_data, *new_data, *got;

static void open_device(void)
{
	bytes = nr_words > 1 ? strtoul(words[1], NULL, 0) : SECTOR;
	device = open(words[0], O_RDWR | O_DIRECT | O_CLOEXEC);
	if (device < 0)
		give_up("cannot open %s", words[0]);
	if (posix_memalign((void **)&old_data, 4096, bytes) ||
	    posix_memalign((void **)&new_data, 4096, bytes) ||
	    posix_memalign((void **)&got, 4096, bytes))
		give_up("no memory");
	memset(new_data, 0, bytes);
	memset(got, 0, bytes);
	memset(old_data, 0x5a, bytes);
	if (pwrite(device, old_data, bytes, 0) != (ssize_t)bytes)
		give_up("cannot write %s", words[0]);
}

static bool op_read(bool *met)
{
	bool done;

	if (device < 0)
		open_device();
	memset(got, 0, bytes);
	arm();
	done = pread(device, got, bytes, 0) == (ssize_t)bytes;
	*met = disarm();
	if (done && memcmp(got, old_data, bytes) != 0)
		give_up("wrong data was read");
	return done;
}

static bool op_write(bool *met)
{
	bool done;

	if (device < 0)
		open_device();
	for (size_t i = 0; i < bytes; i++)
		new_data[i] = (uint8_t)(nth * 167 + i / SECTOR + i);
	arm();
	done = pwrite(device, new_data, bytes, 0) == (ssize_t)bytes;
	*met = disarm();
	if (pread(device, got, bytes, 0) != (ssize_t)bytes)
		give_up("cannot read %s", words[0]);
	for (size_t i = 0; i < bytes; i += SECTOR)
		if (memcmp(got + i, new_data + i, SECTOR) != 0 &&
		    (done || memcmp(got + i, old_data + i, SECTOR) != 0))
			give_up("sector %zu is neither what was written nor what was there (write %s)",
				i / SECTOR, done ? "done" : "refused");
	memcpy(old_data, got, bytes);
	return done;
}

static bool op_flush(bool *met)
{
	bool done;

	if (device < 0)
		open_device();
	arm();
	done = fsync(device) == 0;
	*met = disarm();
	return done;
}

static bool op_discard(bool *met)
{
	uint64_t size, range[2];
	bool done;

	if (device < 0)
		open_device();
	if (ioctl(device, BLKGETSIZE64, &size) != 0)
		give_up("cannot see the size of %s", words[0]);
	range[0] = size - bytes;
	range[1] = bytes;
	arm();
	done = ioctl(device, BLKDISCARD, range) == 0;
	*met = disarm();
	return done;
}

static const struct operation {
	const char *name;
	int min_words, max_words;
	bool (*run)(bool *met);
} operations[] = {
	{"load", 1, 1, op_load},
	{"table", 2, 2, op_table},
	{"message", 2, MAX_UNDO, op_message},
	{"suspend", 1, 1, op_suspend},
	{"status", 1, 1, op_status},
	{"read", 2, 2, op_read},
	{"write", 2, 2, op_write},
	{"flush", 1, 1, op_flush},
	{"discard", 2, 2, op_discard},
};

static void quiet(int level, const char *file, int line, int error, const char *format, ...)
{
	(void)level, (void)file, (void)line, (void)error, (void)format;
}

int main(int argc, char **argv)
{
	const struct operation *operation = NULL;
	unsigned int refused = 0, tried = 0, every = 1;
	bool met;

	if (argc > 2 && strcmp(argv[1], "--every") == 0) {
		every = (unsigned int)strtoul(argv[2], NULL, 10) ?: 1;
		argv += 2;
		argc -= 2;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(argv[1], operations[i].name) == 0)
			operation = &operations[i];
	words = argv + 2;
	nr_words = argc - 2;
	if (!operation || nr_words < operation->min_words || nr_words > operation->max_words) {
		fprintf(stderr, "usage: nth_fault OPERATION WORDS: see the head of its source\n");
		return 2;
	}
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_fd < 0)
		give_up("no fault injection in this kernel");
	dm_log_with_errno_init(quiet);
	/* Without faults first: it works, and what is allocated only once is there. */
	if (!operation->run(&met))
		give_up("%s fails by itself", operation->name);
	for (nth = 1; nth < MAX_NTH; nth += every) {
		bool done = operation->run(&met);

		if (!met) {
			if (!done)
				give_up("%s failed, and no place was made to", operation->name);
			printf("%s: %u places, %u refused, the others survived\n", operation->name,
			       tried, refused);
			return 0;
		}
		tried++;
		refused += !done;
	}
	give_up("no end of places");
}
