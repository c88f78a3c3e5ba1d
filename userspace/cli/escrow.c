// SPDX-License-Identifier: LGPL-2.1-or-later
/* The gate: a recovery password counts only when the organisation has said that it has it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "custody/audit.h"
#include "custody/escrow.h"
#include "keys/recovery.h"
#include "os/file.h"

#define WAIT_S	300 /* without --timeout */
#define POLL_MS 200

static bool is_directory(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int cli_check_packet(const char *path)
{
	_cleanup_free_ char *trial = NULL;

	if (!is_directory(path))
		return file_check_new(path, "packet");
	if (asprintf(&trial, "%s/.fve-packet-%d", path, getpid()) < 0)
		return -ENOMEM;
	return file_try_create(trial, ESCROW_FILE_MAX);
}

char *cli_packet_path(const char *path, const struct header *header, const char *id,
		      const char *suffix)
{
	char name[RECOVERY_NAME_SIZE], *text;

	if (!is_directory(path))
		return strdup(path);
	protector_recovery_name(header, id, name);
	return asprintf(&text, "%s/%s%s", path, name, suffix) < 0 ? NULL : text;
}

int cli_check_escrow(const struct handover *to)
{
	_cleanup_secret_ struct secret *trial = NULL;
	_cleanup_blob_ struct blob packet = {0};
	int r;

	if (!to->n_escrow)
		return to->escrow_file || to->ack_file
			       ? log_errno(EINVAL, "--escrow-file and --ack-file go with --escrow")
			       : 0;
	if (!to->escrow_file || !to->ack_file)
		return log_errno(EINVAL,
				 "--escrow takes --escrow-file, to write the packet to, and "
				 "--ack-file, where its acknowledgement will be");
	r = cli_check_packet(to->escrow_file);
	if (r < 0)
		return r;
	/* Certificates that nothing can be encrypted to are found before anything is written. */
	trial = recovery_generate();
	return trial ? escrow_seal(to->escrow, to->n_escrow, "", "", trial, &packet) : -ENOMEM;
}

static bool is_acknowledged(const struct handover *to, const struct blob *packet)
{
	_cleanup_blob_ struct blob ack = {0};

	return file_read(to->ack_file, ESCROW_FILE_MAX, &ack) == 0 &&
	       escrow_check_ack(to->escrow, to->n_escrow, packet, &ack) == 0;
}

static int wait_for_ack(const struct handover *to, uint32_t timeout_s, const struct blob *packet)
{
	time_t end = time(NULL) + (timeout_s ?: WAIT_S);

	log_notice(
		"The recovery password is in the packet %s. Waiting for its acknowledgement, %s.",
		to->escrow_file, to->ack_file);
	while (!is_acknowledged(to, packet)) {
		if (time(NULL) >= end)
			return log_errno(ENOKEY,
					 "the packet %s was not acknowledged: %s is not there, or "
					 "not signed by the key of a certificate of --escrow",
					 to->escrow_file, to->ack_file);
		nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
	}
	return 0;
}

int cli_escrow(const struct handover *given, const struct unlock_request *how,
	       const struct header *header, const char *id, const struct secret *password)
{
	_cleanup_free_ char *file = cli_packet_path(given->escrow_file, header, id, ".cms");
	_cleanup_free_ char *ack = cli_packet_path(given->ack_file, header, id, ".ack");
	_cleanup_blob_ struct blob packet = {0};
	_cleanup_free_ char *hex = NULL;
	struct handover named = *given, *to = &named;
	uint8_t digest[SHA256_SIZE];
	int r = file && ack ? escrow_seal(to->escrow, to->n_escrow, header_uuid(header), id,
					  password, &packet)
			    : -ENOMEM;

	if (r < 0)
		return r;
	named.escrow_file = file;
	named.ack_file = ack;
	r = crypto_sha256(&(struct span){packet.data, packet.size}, 1, digest);
	if (r < 0)
		return r;
	r = file_create(to->escrow_file, 0644, packet.data, packet.size);
	if (r < 0)
		return r;
	r = wait_for_ack(to, how->timeout_s, &packet);
	if (r < 0)
		unlink(to->escrow_file); /* its password will open nothing */
	hex = hex_encode(digest, sizeof(digest));
	audit_record(how->tcti, r < 0 ? "escrow-not-acknowledged" : "escrow-acknowledged",
		     (const struct audit_field[]){{"volume", header_uuid(header)},
						  {"protector", id},
						  {"packet", hex}},
		     3);
	return r;
}
