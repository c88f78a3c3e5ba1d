// SPDX-License-Identifier: LGPL-2.1-or-later
/* The gate: a recovery password counts only when the organisation has said that it has it. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "custody/audit.h"
#include "custody/escrow.h"
#include "keys/recovery.h"
#include "os/file.h"

#define WAIT_S	300 /* without --timeout */
#define POLL_MS 200

int cli_check_escrow(const struct args *args)
{
	_cleanup_secret_ struct secret *trial = NULL;
	_cleanup_blob_ struct blob packet = {0};
	int r;

	if (!args->n_escrow)
		return args->escrow_file || args->ack_file
			       ? log_errno(EINVAL, "--escrow-file and --ack-file go with --escrow")
			       : 0;
	if (!args->escrow_file || !args->ack_file)
		return log_errno(EINVAL,
				 "--escrow takes --escrow-file, to write the packet to, and "
				 "--ack-file, where its acknowledgement will be");
	r = file_check_new(args->escrow_file, "packet");
	if (r < 0)
		return r;
	/* Certificates that nothing can be encrypted to are found before anything is written. */
	trial = recovery_generate();
	return trial ? escrow_seal(args->escrow, args->n_escrow, "", "", trial, &packet) : -ENOMEM;
}

static bool is_acknowledged(const struct args *args, const struct blob *packet)
{
	_cleanup_blob_ struct blob ack = {0};

	return file_read(args->ack_file, ESCROW_FILE_MAX, &ack) == 0 &&
	       escrow_check_ack(args->escrow, args->n_escrow, packet, &ack) == 0;
}

static int wait_for_ack(const struct args *args, const struct blob *packet)
{
	time_t end = time(NULL) + (args->timeout_s ?: WAIT_S);

	log_notice(
		"The recovery password is in the packet %s. Waiting for its acknowledgement, %s.",
		args->escrow_file, args->ack_file);
	while (!is_acknowledged(args, packet)) {
		if (time(NULL) >= end)
			return log_errno(ENOKEY,
					 "the packet %s was not acknowledged: %s is not there, or "
					 "not signed by the key of a certificate of --escrow",
					 args->escrow_file, args->ack_file);
		nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
	}
	return 0;
}

int cli_escrow(const struct args *args, const struct header *header, const char *id,
	       const struct secret *password)
{
	_cleanup_blob_ struct blob packet = {0};
	_cleanup_free_ char *hex = NULL;
	uint8_t digest[SHA256_SIZE];
	int r = escrow_seal(args->escrow, args->n_escrow, header_uuid(header), id, password,
			    &packet);

	if (r == 0)
		r = crypto_sha256(&(struct span){packet.data, packet.size}, 1, digest);
	if (r == 0)
		r = file_create(args->escrow_file, 0644, packet.data, packet.size);
	if (r < 0)
		return r;
	r = wait_for_ack(args, &packet);
	if (r < 0)
		unlink(args->escrow_file); /* its password will open nothing */
	hex = hex_encode(digest, sizeof(digest));
	audit_record(args->tcti, r < 0 ? "escrow-not-acknowledged" : "escrow-acknowledged",
		     (const struct audit_field[]){{"volume", header_uuid(header)},
						  {"protector", id},
						  {"packet", hex}},
		     3);
	return r;
}
