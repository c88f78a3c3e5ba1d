// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How many instructions the module's engine x86 executes, exactly: a process that calls it (the
 * same source, assembled for user space) is single-stepped from the function's first instruction to
 * its return. That is what a clock that counts instructions would see, also for a width that no
 * emulator has.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu.h"
#include "engine_x86_asm.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE_BYTES    4096 /* the longest run that the module makes */

typedef void (*crypt_fn)(const struct fve_x86_key *key, const struct fve_x86_run *run);

static const struct {
	const char *name;
	bool (*available)(void);
	crypt_fn encrypt, decrypt;
} widths[] = {
	{"x86-xmm", cpu_has_xmm, fve_x86_encrypt_xmm, fve_x86_decrypt_xmm},
	{"x86-ymm", cpu_has_ymm, fve_x86_encrypt_ymm, fve_x86_decrypt_ymm},
	{"x86-zmm", cpu_has_zmm, fve_x86_encrypt_zmm, fve_x86_decrypt_zmm},
};

static const struct {
	u32 bytes, unit_size;
} runs[] = {{PAGE_BYTES, 4096}, {PAGE_BYTES, 512}, {512, 512}};

static struct fve_x86_key key;
static u8 buffer[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void stepped(crypt_fn crypt, u32 bytes, u32 unit_size)
{
	struct fve_x86_run run = {
		.src = buffer,
		.dst = buffer,
		.iv = 1,
		.iv_step = 1,
		.bytes = bytes,
		.unit_size = unit_size,
	};

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	crypt(&key, &run);
	_exit(0);
}

/* One instruction; returns where the next one is. */
static u64 step(pid_t pid, struct user_regs_struct *registers)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
		die("single-step");
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
		fprintf(stderr, "the process ended before the function did\n");
		exit(1);
	}
	if (ptrace(PTRACE_GETREGS, pid, NULL, registers))
		die("PTRACE_GETREGS");
	return registers->rip;
}

static unsigned int count(crypt_fn crypt, u32 bytes, u32 unit_size)
{
	struct user_regs_struct registers;
	unsigned int instructions = 0;
	u64 back;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		stepped(crypt, bytes, unit_size);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("PTRACE_TRACEME");
	while (step(pid, &registers) != (u64)crypt)
		;
	errno = 0;
	back = (u64)ptrace(PTRACE_PEEKDATA, pid, (void *)registers.rsp, NULL);
	if (errno)
		die("PTRACE_PEEKDATA");
	do {
		instructions++;
	} while (step(pid, &registers) != back);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return instructions;
}

int main(void)
{
	static const u8 bytes[64] = {1};

	puts("\ninstructions of a run: encrypted, decrypted");
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		if (!widths[i].available()) {
			printf("  %-10s not on this CPU\n", widths[i].name);
			continue;
		}
		fve_x86_expand_key(&key, bytes);
		for (size_t j = 0; j < ARRAY_SIZE(runs); j++) {
			printf("  %-10s %4u bytes in units of %4u %6u %6u\n", widths[i].name,
			       runs[j].bytes, runs[j].unit_size,
			       count(widths[i].encrypt, runs[j].bytes, runs[j].unit_size),
			       count(widths[i].decrypt, runs[j].bytes, runs[j].unit_size));
		}
	}
	return 0;
}
