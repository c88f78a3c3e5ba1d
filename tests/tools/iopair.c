// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * iopair - do two block devices hold the same data?
 *
 * A and B are two mappings of the same lower device, say one by dm-crypt and one by fve, with the
 * same key. Random I/Os go to either of them; every read is compared with a copy of the data kept
 * in RAM. A write through one and a read through the other agree only if both compute the same
 * ciphertext for the same sector, whatever the size, the offset and the shape of the caller's
 * memory. A plain file given twice tests the tool itself.
 *
 * One process walks one region, so I/Os never overlap and the expected data is always known.
 * --threads splits the device into that many regions. SIGTERM ends the random I/O early: what was
 * written is still compared, and the exit status says whether it was right.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTOR	     512u
#define PAGE	     4096u
#define MAX_SEGMENTS 8
#define MAX_THREADS  64

static volatile sig_atomic_t stopped;
static pid_t children[MAX_THREADS];
static volatile sig_atomic_t nr_children; /* none in a child */

struct side {
	const char *path;
	int fd;
	size_t memory_align; /* bytes; what O_DIRECT asks of the address of a segment */
	void *mapped;	     /* the region, never touched; for buffered I/O */
};

struct options {
	uint64_t count;
	uint64_t seed;
	size_t max_size;
	size_t align;
	bool unaligned_memory;
	bool buffered;
	bool mostly_small;
	unsigned int threads;
};

/* The walk over one region of the device. */
struct walk {
	const struct options *opt;
	struct side side[2];
	uint64_t start; /* byte offset of the region on the device */
	uint64_t size;	/* bytes */
	uint64_t rng;
	uint8_t *expected;    /* what the region holds */
	uint64_t *written_by; /* for each sector: I/O number << 1 | side */
	uint8_t *arena;	      /* I/O buffers, page aligned */
	uint8_t *cached;      /* mincore()'s answer, a byte for each page */
	uint64_t reads, writes, bytes;
};

static void die(const char *what, const char *name)
{
	fprintf(stderr, "iopair: %s %s: %s\n", what, name, strerror(errno));
	exit(2);
}

/* splitmix64: one 64-bit state, so a seed given on the command line is the whole state. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint64_t below(struct walk *w, uint64_t limit)
{
	return next_random(&w->rng) % limit;
}

static void fill_random(struct walk *w, uint8_t *to, size_t length)
{
	for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
		uint64_t word = next_random(&w->rng);

		memcpy(to + i, &word, sizeof(word));
	}
}

/*
 * Log-uniform: each power of two between the alignment and the maximum is as likely as the next.
 * Mostly small: each next one is half as likely, so that a million I/Os of up to 4 MiB are some
 * 20 GB and not 1 TB, and still hundreds of the largest.
 */
static size_t random_size(struct walk *w)
{
	const size_t align = w->opt->align;
	size_t limit = w->opt->max_size < w->size ? w->opt->max_size : w->size;
	unsigned int powers = 0, power = 0;
	size_t low, size;

	while ((align << (powers + 1)) <= limit)
		powers++;
	if (w->opt->mostly_small) {
		while (power < powers && below(w, 2))
			power++;
	} else {
		power = below(w, powers + 1);
	}
	low = align << power;
	size = (low + below(w, low)) / align * align;
	return size < limit ? size : limit;
}

/*
 * Lays an I/O of @size bytes out in the arena: mostly in one segment, every fourth time in several
 * of different sizes. The block layer asks that a segment's length be a multiple of the logical
 * block size; where a segment starts is as odd as the device allows.
 */
static int random_segments(struct walk *w, const struct side *side, size_t size, struct iovec *iov)
{
	const size_t align = w->opt->align;
	const int most = below(w, 4) == 0 ? 1 + below(w, MAX_SEGMENTS) : 1;
	uint8_t *at = w->arena;
	int n;

	for (n = 0; size > 0; n++) {
		size_t length = n + 1 < most ? (1 + below(w, size / align)) * align : size;

		if (w->opt->unaligned_memory)
			at += below(w, PAGE / side->memory_align) * side->memory_align;
		iov[n] = (struct iovec){.iov_base = at, .iov_len = length};
		at += length;
		at += -(uintptr_t)at % PAGE;
		size -= length;
	}
	return n;
}

static bool is_cached(const struct walk *w, const struct side *side)
{
	if (mincore(side->mapped, w->size, w->cached) != 0)
		die("cannot look at the page cache of", side->path);
	for (uint64_t page = 0; page < w->size / PAGE; page++) {
		if (w->cached[page] & 1)
			return true;
	}
	return false;
}

/*
 * The page caches of A and B know nothing of each other: what one side has cached is stale as soon
 * as the other writes. So in buffered mode nothing stays cached from one I/O to the next. The
 * kernel takes the advice for pages that nobody uses, and another region's fdatasync() looks at all
 * pages of the device.
 */
static void drop_cache(struct walk *w, const struct side *side)
{
	while (w->opt->buffered) {
		if (posix_fadvise(side->fd, w->start, w->size, POSIX_FADV_DONTNEED) != 0)
			die("cannot drop the page cache of", side->path);
		if (!is_cached(w, side))
			break;
		usleep(1000);
	}
}

static void write_back(struct walk *w, const struct side *side)
{
	if (w->opt->buffered && fdatasync(side->fd) != 0)
		die("cannot write back", side->path);
}

static void write_at(struct walk *w, int which, uint64_t offset, size_t size)
{
	const struct side *side = &w->side[which];
	struct iovec iov[MAX_SEGMENTS];
	int n = random_segments(w, side, size, iov);
	uint8_t *expected = w->expected + offset;

	for (int i = 0; i < n; i++) {
		fill_random(w, iov[i].iov_base, iov[i].iov_len);
		memcpy(expected, iov[i].iov_base, iov[i].iov_len);
		expected += iov[i].iov_len;
	}
	for (uint64_t s = offset / SECTOR; s < (offset + size) / SECTOR; s++)
		w->written_by[s] = (w->reads + w->writes) << 1 | which;
	drop_cache(w, side);
	if (pwritev(side->fd, iov, n, w->start + offset) != (ssize_t)size)
		die("cannot write", side->path);
	write_back(w, side);
	w->writes++;
	w->bytes += size;
}

static void report_mismatch(const struct walk *w, int which, uint64_t at, const uint8_t *found)
{
	uint64_t origin = w->written_by[at / SECTOR];
	uint64_t device_byte = w->start + at;

	printf("MISMATCH at byte %" PRIu64 ", sector %" PRIu64 " byte %" PRIu64
	       ": expected %02x, found %02x\n",
	       device_byte, device_byte / SECTOR, device_byte % SECTOR, w->expected[at], *found);
	printf("written by I/O %" PRIu64 " through %s, read by I/O %" PRIu64
	       " through %s, region starts at sector %" PRIu64 "\n",
	       origin >> 1, w->side[origin & 1].path, w->reads + w->writes, w->side[which].path,
	       w->start / SECTOR);
}

static bool read_matches(struct walk *w, int which, uint64_t offset, size_t size)
{
	const struct side *side = &w->side[which];
	struct iovec iov[MAX_SEGMENTS];
	int n = random_segments(w, side, size, iov);

	drop_cache(w, side);
	if (preadv(side->fd, iov, n, w->start + offset) != (ssize_t)size)
		die("cannot read", side->path);
	for (int i = 0; i < n; i++) {
		const uint8_t *found = iov[i].iov_base;

		if (memcmp(found, w->expected + offset, iov[i].iov_len) != 0) {
			while (*found == w->expected[offset]) {
				found++;
				offset++;
			}
			report_mismatch(w, which, offset, found);
			return false;
		}
		offset += iov[i].iov_len;
	}
	w->reads++;
	w->bytes += size;
	return true;
}

/* Gives every sector of the region known data, in pieces that come from both sides in turn. */
static void write_whole_region(struct walk *w)
{
	const size_t step = w->opt->max_size;
	int which = 0;

	for (uint64_t at = 0; at < w->size; at += step, which ^= 1)
		write_at(w, which, at, w->size - at < step ? w->size - at : step);
}

static bool whole_region_matches(struct walk *w, int which)
{
	const size_t step = w->opt->max_size;

	for (uint64_t at = 0; at < w->size; at += step) {
		if (!read_matches(w, which, at, w->size - at < step ? w->size - at : step))
			return false;
	}
	return true;
}

static bool run(struct walk *w)
{
	const size_t align = w->opt->align;
	const uint64_t share = w->opt->count / w->opt->threads;

	write_whole_region(w);
	for (uint64_t i = 0; i < share && !stopped; i++) {
		size_t size = random_size(w);
		uint64_t offset = below(w, (w->size - size) / align + 1) * align;
		int which = below(w, 2);

		if (below(w, 2) == 0)
			write_at(w, which, offset, size);
		else if (!read_matches(w, which, offset, size))
			return false;
	}
	return whole_region_matches(w, 0) && whole_region_matches(w, 1);
}

/* The block layer publishes dma_alignment as a mask; a partition or a file has no such attribute.
 */
static size_t memory_alignment(const struct stat *st, size_t otherwise)
{
	char path[80];
	unsigned long mask;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/dma_alignment", major(st->st_rdev),
		 minor(st->st_rdev));
	f = fopen(path, "re");
	if (!f)
		return otherwise;
	if (fscanf(f, "%lu", &mask) != 1)
		mask = otherwise - 1;
	fclose(f);
	return mask < PAGE ? mask + 1 : PAGE;
}

/* Returns the size of the device in bytes. Each process opens for itself. */
static uint64_t open_side(struct side *side, const char *path, const struct options *opt)
{
	struct stat st;
	uint64_t size;

	side->path = path;
	side->fd = open(path, O_RDWR | O_CLOEXEC | (opt->buffered ? 0 : O_DIRECT));
	if (side->fd < 0 || fstat(side->fd, &st) != 0)
		die("cannot open", path);
	side->memory_align = opt->align;
	size = st.st_size;
	if (S_ISBLK(st.st_mode)) {
		side->memory_align = memory_alignment(&st, opt->align);
		if (ioctl(side->fd, BLKGETSIZE64, &size) != 0)
			die("cannot size", path);
	}
	if (opt->buffered)
		posix_fadvise(side->fd, 0, 0, POSIX_FADV_RANDOM);
	return size;
}

static int walk_region(const struct options *opt, char *const path[2], unsigned int number)
{
	struct walk w = {.opt = opt, .rng = opt->seed + number};
	uint64_t sizes[2];
	uint64_t size;

	for (int i = 0; i < 2; i++)
		sizes[i] = open_side(&w.side[i], path[i], opt);
	size = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
	/* Whole pages, so that two regions never share one in the page cache. */
	w.size = size / opt->threads / PAGE * PAGE;
	w.start = w.size * number;
	if (w.size < opt->align) {
		fprintf(stderr, "iopair: %s is too small\n", path[0]);
		return 2;
	}
	for (int i = 0; opt->buffered && i < 2; i++) {
		w.side[i].mapped = mmap(NULL, w.size, PROT_READ, MAP_SHARED, w.side[i].fd, w.start);
		if (w.side[i].mapped == MAP_FAILED)
			die("cannot map", path[i]);
	}
	w.expected = malloc(w.size);
	w.written_by = calloc(w.size / SECTOR, sizeof(*w.written_by));
	w.arena = aligned_alloc(PAGE, (opt->max_size / PAGE + 1 + MAX_SEGMENTS * 2) * PAGE);
	w.cached = malloc(w.size / PAGE);
	if (!w.expected || !w.written_by || !w.arena || !w.cached)
		die("cannot hold in memory the data of", path[0]);
	if (!run(&w))
		return 1;
	printf("region %u: %" PRIu64 " writes, %" PRIu64 " reads, %" PRIu64
	       " bytes, memory aligned to %zu and %zu: no difference\n",
	       number, w.writes, w.reads, w.bytes,
	       opt->unaligned_memory ? w.side[0].memory_align : PAGE,
	       opt->unaligned_memory ? w.side[1].memory_align : PAGE);
	return 0;
}

static uint64_t number_argument(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0') {
		fprintf(stderr, "iopair: not a number: %s\n", text);
		exit(2);
	}
	return value;
}

static void parse(struct options *opt, int argc, char **argv)
{
	static const struct option names[] = {
		{"count", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'},
		{"max-size", required_argument, NULL, 'm'},
		{"align", required_argument, NULL, 'a'},
		{"threads", required_argument, NULL, 't'},
		{"unaligned-memory", no_argument, NULL, 'u'},
		{"buffered", no_argument, NULL, 'b'},
		{"mostly-small", no_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	bool usable;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			opt->count = number_argument(optarg);
			break;
		case 's':
			opt->seed = number_argument(optarg);
			break;
		case 'm':
			opt->max_size = number_argument(optarg);
			break;
		case 'a':
			opt->align = number_argument(optarg);
			break;
		case 't':
			opt->threads = number_argument(optarg);
			break;
		case 'u':
			opt->unaligned_memory = true;
			break;
		case 'b':
			opt->buffered = true;
			break;
		case 'o':
			opt->mostly_small = true;
			break;
		default:
			exit(2);
		}
	}
	usable = opt->align >= SECTOR && opt->align <= PAGE && PAGE % opt->align == 0 &&
		 opt->max_size >= opt->align && opt->max_size % opt->align == 0 &&
		 opt->threads >= 1 && opt->threads <= MAX_THREADS && argc - optind == 2;
	if (!usable) {
		fprintf(stderr,
			"usage: iopair [--count N] [--seed S] [--max-size BYTES] [--align BYTES]\n"
			"              [--threads N] [--unaligned-memory] [--buffered]\n"
			"              [--mostly-small] A B\n");
		exit(2);
	}
}

static void on_sigterm(int signal)
{
	stopped = 1;
	for (int i = 0; i < nr_children; i++)
		kill(children[i], signal);
}

int main(int argc, char **argv)
{
	/* Restart: a signal must not look like an I/O error. */
	const struct sigaction action = {.sa_handler = on_sigterm, .sa_flags = SA_RESTART};
	struct options opt = {
		.count = 10000, .seed = 1, .max_size = 65536, .align = SECTOR, .threads = 1};
	int worst = 0;

	parse(&opt, argc, argv);
	printf("iopair: %" PRIu64 " random I/Os, seed %" PRIu64
	       ", %zu to %zu bytes, %s, %u thread%s\n",
	       opt.count, opt.seed, opt.align, opt.max_size, opt.buffered ? "buffered" : "O_DIRECT",
	       opt.threads, opt.threads == 1 ? "" : "s");
	fflush(stdout);
	sigaction(SIGTERM, &action, NULL);
	for (unsigned int i = 0; i < opt.threads; i++) {
		pid_t child = fork();

		if (child < 0)
			die("cannot fork for", argv[optind]);
		if (child == 0) {
			nr_children = 0;
			exit(walk_region(&opt, argv + optind, i));
		}
		children[i] = child;
		nr_children = i + 1;
	}
	for (unsigned int i = 0; i < opt.threads; i++) {
		int status;

		wait(&status);
		if (!WIFEXITED(status))
			worst = 2;
		else if (WEXITSTATUS(status) > worst)
			worst = WEXITSTATUS(status);
	}
	return worst;
}
