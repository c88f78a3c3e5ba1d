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

int cli_check_recovery(const struct handover *to)
{
	int r = file_check_new(to->recovery_file, "recovery password");

	if (r < 0 || to->recovery_file || to->n_escrow)
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

int cli_find_new(const struct header *header, const struct protector *before, int n_before,
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

	if (cli_find_new(header, before, n_before, &new) < 0)
		return;
	if (protector_remove(header, fvek, &new, PROTECTOR_LAST_GOES) == 0)
		log_notice("The new recovery password was removed again.");
	else
		log_error("the new recovery password, which nobody has, is still in the header; "
			  "fvesetup protector remove %s %s",
			  header_path(header), new.head.id);
}

int cli_replaced(struct header *header, const struct secret *fvek, const struct protector *old,
		 const struct protector *new)
{
	const char *kind = protector_kind_name(old->kind);
	int r = protector_remove(header, fvek, old, PROTECTOR_LAST_GOES);

	if (r < 0)
		log_error("the new %s, %s, was added, and the old one, %s, is still there", kind,
			  new->head.id, old->head.id);
	else
		log_notice("%s: %s %s is replaced by %s.", header_path(header), kind, old->head.id,
			   new->head.id);
	return r;
}

/* With the name by which it will be asked for. */
static int print_named(const struct header *header, const char *id, const struct secret *password)
{
	_cleanup_free_ char *before = NULL;
	char name[RECOVERY_NAME_SIZE];

	protector_recovery_name(header, id, name);
	if (asprintf(&before,
		     "\nRecovery password %s of volume\n%s, shown this once.\n"
		     "Keep it, with these two names, away from this machine:\n\n    ",
		     name, header_uuid(header)) < 0)
		return -ENOMEM;
	return cli_print_recovery(password, before, "\n\n");
}

/* Write the protector, and hand its password to the organisation or the screen. */
static int add_and_show(const struct handover *to, const struct unlock_request *how,
			struct header *header, const struct secret *fvek,
			const struct protector_spec *spec, const struct secret *password)
{
	struct protector before[PROTECTOR_LIST_MAX], new;
	int n = protector_list(header, before);
	int r = protector_add(header, fvek, &(struct enrolment){.spec = spec, .secret = password});

	if (r < 0)
		return r;
	r = cli_find_new(header, before, n, &new);
	if (r == 0 && to->n_escrow)
		r = cli_escrow(to, how, header, new.head.id, password);
	else if (r == 0 && !to->recovery_file)
		r = print_named(header, new.head.id, password);
	if (r < 0)
		cli_remove_new(header, fvek, before, n);
	return r;
}

/*
 * The file is written before the keyslot, so that no power cut leaves a keyslot whose password
 * nobody has; on a terminal the keyslot comes first, so that no password is shown that opens
 * nothing. One that is escrowed is neither printed nor kept here.
 */
int cli_add_recovery(const struct handover *to, const struct unlock_request *how,
		     struct header *header, const struct secret *fvek,
		     const struct protector_spec *spec)
{
	_cleanup_secret_ struct secret *password = recovery_generate();
	int r = password ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	if (to->recovery_file)
		r = file_create(to->recovery_file, 0600, password->data, password->size);
	if (r < 0)
		return r;
	r = add_and_show(to, how, header, fvek, spec, password);
	if (r < 0 && to->recovery_file)
		unlink(to->recovery_file);
	return r;
}

int cli_new_secret(const struct args *args, const struct protector_spec *spec, const char *file,
		   struct secret **ret)
{
	_cleanup_secret_ struct secret *secret = NULL;
	_cleanup_free_ char *prompt = NULL;
	struct question question = {.volume = args->operand[0],
				    .file = file,
				    .agent = args->unlock.agent,
				    .timeout_s = args->unlock.timeout_s};
	const struct kind_row *row = kind_rows[spec->kind];
	const char *why;
	int r;

	if (*spec->volume)
		return cli_auto_secret(args, spec, ret);
	if (!row->asks)
		return 0;
	if (asprintf(&prompt, "New %s for %s: ", row->asks, args->operand[0]) < 0)
		return -ENOMEM;
	question.text = prompt;
	r = prompt_new_secret(&question, &secret);
	if (r < 0)
		return r;
	if (secret_characters(secret) < row->asks_min)
		return log_errno(EINVAL, "a %s has at least %zu characters", row->asks,
				 row->asks_min);
	why = file ? prompt_untypable(secret) : NULL;
	if (why && kind_has(spec->kind, KIND_PIN))
		return log_errno(EINVAL, "nobody could type the PIN in %s: %s", file, why);
	if (why)
		log_notice("Nobody could type the %s in %s: %s. Only the file will open %s.",
			   row->asks, file, why, args->operand[0]);
	*ret = steal(secret);
	return 0;
}

/* Where @secret is another volume's FVEK, that volume is @spec's. */
static int add(const struct args *args, struct header *header, const struct secret *fvek,
	       const struct protector_spec *spec, const struct secret *secret)
{
	_cleanup_header_ struct header *other = NULL;
	struct enrolment how = {
		.spec = spec,
		.secret = secret,
		.pbkdf = &args->pbkdf,
		.tcti = args->unlock.tcti,
		.event_log = args->unlock.event_log,
		.net = args->net,
		.n_net = args->n_net,
	};
	char boots[24];
	int r = *spec->volume ? header_load(spec->volume, &other) : 0;

	if (r < 0)
		return r;
	snprintf(boots, sizeof(boots), "%u boots", spec->boots);
	how.volume = other ? header_uuid(other) : NULL;
	r = protector_add(header, fvek, &how);
	if (r < 0)
		return r;
	if (kind_has(spec->kind, KIND_TEMPORARY) && spec->boots == 1)
		snprintf(boots, sizeof(boots), "boot");
	if (kind_has(spec->kind, KIND_TEMPORARY))
		printf("Protection of %s is suspended for the next %s on this machine. To end it "
		       "before: fvesetup protector enable %s\n",
		       args->operand[0], boots, args->operand[0]);
	return 0;
}

/* As with a recovery password, the file is written first. */
static int add_with_file(const struct args *args, struct header *header, const struct secret *fvek,
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
	if (kind_has(spec->kind, KIND_RECOVERY))
		return cli_add_recovery(&args->handover, &args->unlock, header, fvek, spec);
	if (kind_has(spec->kind, KIND_KEY))
		return add_with_file(args, header, fvek, spec, file);
	if (*spec->file)
		return add_with_file(args, header, fvek, spec, spec->file);
	return add(args, header, fvek, spec, secret);
}
