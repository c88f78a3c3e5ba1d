// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handing a new secret to its owner, once; and adding protectors in general. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "cli/cli.h"
#include "keys/recovery.h"
#include "os/file.h"
#include "os/process.h"
#include "protector/suspended.h"

int cli_check_recovery(const struct args *args)
{
	int r = file_check_new(args->recovery_file, "recovery password");

	if (r < 0 || args->recovery_file || args->n_escrow)
		return r;
	r = process_check_stdout();
	return r < 0 ? log_errno(EIO,
				 "a new recovery password cannot be printed to standard output: "
				 "%s; use --recovery-file; nothing was changed",
				 strerror(-r))
		     : 0;
}

/* Past stdio, whose buffer would keep a copy. What is printed into a file must outlive a power cut
 * as the header does, which then takes this secret and no older one. */
static int print_all(const struct iovec *parts, int n)
{
	size_t size = 0;
	ssize_t written;

	for (int i = 0; i < n; i++)
		size += parts[i].iov_len;
	if (fflush(stdout))
		return -errno;
	written = writev(STDOUT_FILENO, parts, n);
	if (written < 0)
		return -errno;
	if ((size_t)written != size)
		return -ENOSPC;
	/* EINVAL: it is a terminal, a pipe or a socket. */
	return fsync(STDOUT_FILENO) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

int cli_print_recovery(const struct secret *password, const char *before, const char *after)
{
	const struct iovec parts[] = {
		{(char *)before, strlen(before)},
		{password->data, password->size},
		{(char *)after, strlen(after)},
	};
	/* Where nobody reads the pipe, there is something to be taken back. */
	void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
	int r = print_all(parts, ARRAY_SIZE(parts));

	signal(SIGPIPE, handler);
	return r < 0 ? log_errno(EIO, "cannot print the recovery password: %s", strerror(-r)) : 0;
}

/* The newest protector that is there now and was not before. -ENOENT. */
static int find_new(const struct header *header, const struct protector *before, int n_before,
		    struct protector *ret)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++) {
		bool known = false;

		for (int k = 0; k < n_before; k++)
			known |= !strcmp(list[i].head.id, before[k].head.id);
		if (!known) {
			*ret = list[i];
			return 0;
		}
	}
	return -ENOENT;
}

void cli_remove_new(struct header *header, const struct secret *fvek,
		    const struct protector *before, int n_before)
{
	struct protector new;

	if (find_new(header, before, n_before, &new) < 0)
		return;
	if (protector_remove(header, fvek, &new, PROTECTOR_LAST_GOES) == 0)
		log_notice("The new recovery password was removed again.");
	else
		log_error("the new recovery password, which nobody has, is still in the header; "
			  "fvesetup protector remove %s %s",
			  header_path(header), new.head.id);
}

/* Write the protector, and hand its password to the organisation or the screen. */
static int add_and_show(const struct args *args, struct header *header, const struct secret *fvek,
			const struct protector_spec *spec, const struct secret *password)
{
	struct protector before[PROTECTOR_LIST_MAX], new;
	int n = protector_list(header, before);
	int r = protector_person_add(header, fvek, spec, password, NULL);

	if (r < 0)
		return r;
	if (args->n_escrow) {
		r = find_new(header, before, n, &new);
		if (r == 0)
			r = cli_escrow(args, header, new.head.id, password);
	} else if (!args->recovery_file) {
		r = cli_print_recovery(password,
				       "\nRecovery password, shown this once. Keep it away from "
				       "this machine:\n\n    ",
				       "\n\n");
	}
	if (r < 0)
		cli_remove_new(header, fvek, before, n);
	return r;
}

/*
 * The file is written before the keyslot, so that no power cut leaves a keyslot whose password
 * nobody has; on a terminal the keyslot comes first, so that no password is shown that opens
 * nothing. One that is escrowed is neither printed nor kept here.
 */
int cli_add_recovery(const struct args *args, struct header *header, const struct secret *fvek,
		     const struct protector_spec *spec)
{
	_cleanup_secret_ struct secret *password = recovery_generate();
	int r = password ? 0 : -ENOMEM;

	if (r == 0 && args->recovery_file)
		r = file_create(args->recovery_file, 0600, password->data, password->size);
	if (r < 0)
		return r;
	r = add_and_show(args, header, fvek, spec, password);
	if (r < 0 && args->recovery_file)
		unlink(args->recovery_file);
	return r;
}

int cli_new_secret(const struct args *args, const struct protector_spec *spec, const char *file,
		   struct secret **ret)
{
	_cleanup_secret_ struct secret *secret = NULL;
	_cleanup_free_ char *prompt = NULL;
	struct question question = {.volume = args->operand[0],
				    .file = file,
				    .agent = args->agent,
				    .timeout_s = args->timeout_s};
	bool pin = spec->kind == PROTECTOR_TPM2_PIN;
	int r;

	if (spec->kind == PROTECTOR_AUTO)
		return cli_auto_secret(args, spec, ret);
	if (!pin && spec->kind != PROTECTOR_PASSPHRASE)
		return 0;
	if (asprintf(&prompt, "New %s for %s: ", pin ? "PIN" : "passphrase", args->operand[0]) < 0)
		return -ENOMEM;
	question.text = prompt;
	r = prompt_new_secret(&question, &secret);
	if (r == 0 && pin && secret->size < PIN_LENGTH_MIN)
		r = log_errno(EINVAL, "a PIN has at least %d characters", PIN_LENGTH_MIN);
	if (r == 0)
		*ret = steal(secret);
	return r;
}

static int add_suspended(const struct args *args, struct header *header, const struct secret *fvek,
			 const struct protector_spec *spec)
{
	int r = protector_suspended_add(header, fvek, spec, args->tcti);

	if (r < 0)
		return r;
	printf("Protection of %s is suspended for the next %u %s on this machine. To end it "
	       "before: fvesetup protector enable %s\n",
	       args->operand[0], spec->boots, spec->boots == 1 ? "boot" : "boots",
	       args->operand[0]);
	return 0;
}

static int add(const struct args *args, struct header *header, const struct secret *fvek,
	       const struct protector_spec *spec, const struct secret *secret)
{
	const struct tpm2_enrolment enrolment = {
		.spec = spec,
		.tcti = args->tcti,
		.event_log = args->event_log,
		.secret = secret,
		.pbkdf = &args->pbkdf,
	};

	switch (spec->kind) {
	case PROTECTOR_TPM2:
	case PROTECTOR_TPM2_KEY:
	case PROTECTOR_TPM2_PIN:
		return protector_tpm2_add(header, fvek, &enrolment);
	case PROTECTOR_SUSPENDED:
		return add_suspended(args, header, fvek, spec);
	case PROTECTOR_STARTUP_KEY:
		return protector_person_add(header, fvek, spec, secret, NULL);
	default:
		return protector_person_add(header, fvek, spec, secret, &args->pbkdf);
	}
}

/* As with a recovery password, the file is written first. */
static int add_with_key(const struct args *args, struct header *header, const struct secret *fvek,
			const struct protector_spec *spec, const char *file)
{
	_cleanup_secret_ struct secret *key = secret_random(STARTUP_KEY_SIZE);
	int r = key ? file_create(file, 0600, key->data, key->size) : -ENOMEM;

	if (r < 0)
		return r;
	r = add(args, header, fvek, spec, key);
	if (r < 0)
		unlink(file);
	return r;
}

int cli_add_protector(const struct args *args, struct header *header, const struct secret *fvek,
		      const struct protector_spec *spec, const struct secret *secret,
		      const char *file)
{
	if (spec->kind == PROTECTOR_RECOVERY)
		return cli_add_recovery(args, header, fvek, spec);
	if (spec->kind == PROTECTOR_AUTO)
		return cli_add_auto(header, fvek, spec, secret);
	if (protector_takes_key(spec->kind))
		return add_with_key(args, header, fvek, spec, file);
	return add(args, header, fvek, spec, secret);
}
