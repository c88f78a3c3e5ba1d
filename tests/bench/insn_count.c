// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A QEMU plugin that counts how often each instruction of the guest's kernel is executed.
 * When the guest executes the instruction in mark.c, the counts so far go to the file OUT/N,
 * N = 0, 1, ..., one line "ADDRESS COUNT" for each (hex, decimal), and start from zero again.
 *
 * usage: qemu-system-x86_64 ... -plugin insn_count.so,out=OUT
 *
 * One processor only: the counters are not atomic.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The part of QEMU's plugin interface, version 1 (since QEMU 4.2), that is used here. Debian
 * has no package of qemu-plugin.h.
 */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;
enum {
	QEMU_PLUGIN_INLINE_ADD_U64 = 0
};
enum {
	QEMU_PLUGIN_CB_NO_REGS = 0
};

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
							size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
						  void (*cb)(qemu_plugin_id_t id,
							     struct qemu_plugin_tb *tb));
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op,
						       void *value, uint64_t operand);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
						   void (*cb)(unsigned int cpu, void *data),
						   int flags, void *data);

int qemu_plugin_version = 1;
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv);

/* A hash table with open addressing that never grows: translated code points into it. */
#define SLOT_BITS 22 /* a booted kernel executes about half a million different instructions */
#define SLOTS	  ((size_t)1 << SLOT_BITS)

struct slot {
	uint64_t address; /* 0: free */
	uint64_t count;
};

static struct slot slots[SLOTS];
static size_t used;
static const char *out;

static const uint8_t mark[] = {0x0f, 0x1f, 0x80, 'F', 'V', 'E', '!'};

static void die(const char *message)
{
	fprintf(stderr, "insn_count: %s\n", message);
	exit(1);
}

static struct slot *slot_of(uint64_t address)
{
	/* Fibonacci hashing: the multiplier is 2^64 divided by the golden ratio. */
	size_t i = (address * 0x9e3779b97f4a7c15ULL) >> (64 - SLOT_BITS);

	while (slots[i].address && slots[i].address != address)
		i = (i + 1) % SLOTS;
	if (!slots[i].address) {
		if (++used > SLOTS / 2)
			die("too many different instructions");
		slots[i].address = address;
	}
	return &slots[i];
}

static void write_counts(unsigned int cpu, void *data)
{
	static unsigned int number;
	char path[4096];
	FILE *file;

	(void)cpu;
	(void)data;
	snprintf(path, sizeof(path), "%s/%u", out, number++);
	file = fopen(path, "w");
	if (!file)
		die("cannot create a file of counts");
	for (size_t i = 0; i < SLOTS; i++) {
		if (slots[i].count)
			fprintf(file, "%" PRIx64 " %" PRIu64 "\n", slots[i].address,
				slots[i].count);
		slots[i].count = 0;
	}
	if (fclose(file))
		die("cannot write a file of counts");
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < nr; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		/* The kernel has the upper half of the addresses. */
		if ((int64_t)address < 0)
			qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
								   &slot_of(address)->count, 1);
		else if (qemu_plugin_insn_size(insn) == sizeof(mark) &&
			 !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, write_counts,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0)
		die("usage: -plugin insn_count.so,out=DIRECTORY");
	/* The string belongs to QEMU. */
	out = strdup(argv[0] + 4);
	if (!out)
		die("out of memory");
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
