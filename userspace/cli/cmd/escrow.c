// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup escrow export|import|ack|verify' actions; all but the first are the organisation's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "custody/escrow.h"
#include "keys/recovery.h"
#include "os/file.h"

/* The protector whose recovery password this is. */
static int find_owner(struct header *header, const struct secret *password, struct protector *ret)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	struct protector list[PROTECTOR_LIST_MAX];
	int slot = header_keyslot_open(header, HEADER_ANY, password, &fvek);
	int n = protector_list(header, list);

	for (int i = 0; slot >= 0 && i < n; i++)
		if (kind_has(list[i].kind, KIND_RECOVERY) && list[i].slot == slot) {
			*ret = list[i];
			return 0;
		}
	return log_errno(EPERM, "that is no recovery password of %s", header_path(header));
}

static int ask_password(const struct args *args, struct secret **ret)
{
	const struct question question = {.text = "Recovery password: ",
					  .volume = args->operand[0],
					  .file = args->unlock.key_file,
					  .agent = args->unlock.agent,
					  .timeout_s = args->unlock.timeout_s};
	_cleanup_secret_ struct secret *typed = NULL;
	unsigned int group;
	int r = prompt_secret(&question, &typed);

	if (r < 0)
		return r;
	r = recovery_parse(typed, ret, &group);
	if (r == -EINVAL && group)
		return log_errno(EINVAL, "group %u of the recovery password is wrong", group);
	return r == -EINVAL ? log_errno(EINVAL, "a recovery password has 48 digits") : r;
}

static int cmd_escrow_export(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *password = NULL;
	_cleanup_blob_ struct blob packet = {0};
	_cleanup_free_ char *path = NULL;
	struct protector owner;
	int r = args->handover.n_escrow ? cli_check_packet(args->operand[1])
					: log_errno(EINVAL, "to whom? Use --escrow CERT");

	if (r < 0)
		return r;
	r = header_load(args->operand[0], &header);
	if (r < 0)
		return r;
	r = ask_password(args, &password);
	if (r < 0)
		return r;
	r = find_owner(header, password, &owner);
	if (r < 0)
		return r;
	r = escrow_seal(args->handover.escrow, args->handover.n_escrow, header_uuid(header),
			owner.head.id, password, &packet);
	if (r < 0)
		return r;
	path = cli_packet_path(args->operand[1], header, owner.head.id, ".cms");
	return path ? file_create(path, 0644, packet.data, packet.size) : -ENOMEM;
}

ACTION(escrow_export, "Escrow", "escrow export", "<device> <packet>",
       "put a recovery password into a packet",
       "Ask for a recovery password of the volume and write it, encrypted to the certificates of "
       "--escrow, to a new file, or to one in the directory <packet>, which is then called as "
       "the recovery key is: for one that was made without escrow.",
       OPT_ESCROW, OPT_KEY_FILE, OPT_AGENT, OPT_TIMEOUT);

/* Read and open the packet of the first operand. */
static int open_packet(const struct args *args, struct blob *ret_packet, struct escrow_packet *ret,
		       struct secret **ret_password)
{
	const char *path = args->operand[0];
	int r;

	if (args->handover.n_escrow != 1 || !args->escrow_key)
		return log_errno(EINVAL, "a packet is opened with one --escrow CERT and its "
					 "--escrow-key KEY");
	r = file_read(path, ESCROW_FILE_MAX, ret_packet);
	if (r < 0)
		return log_errno(-r, "cannot read the packet %s: %s", path, strerror(-r));
	return escrow_open(args->handover.escrow[0], args->escrow_key, ret_packet, ret,
			   ret_password);
}

static int cmd_escrow_import(const struct args *args)
{
	_cleanup_secret_ struct secret *password = NULL;
	_cleanup_blob_ struct blob data = {0};
	struct escrow_packet packet;
	int r = file_check_new(args->operand[1], "recovery password");

	if (r < 0)
		return r;
	r = open_packet(args, &data, &packet, &password);
	if (r < 0)
		return r;
	log_notice("Protector %s of volume %s, made %s on %s.", packet.protector, packet.volume,
		   packet.created, packet.host);
	if (args->operand[1])
		return file_create(args->operand[1], 0600, password->data, password->size);
	return cli_print_recovery(password, "", "\n");
}

ACTION(escrow_import, "Escrow", "escrow import", "<packet> [<file>]",
       "take the recovery password out of a packet",
       "Open a packet with the organisation's key, say what volume it is of, and print the "
       "recovery password, or write it to a new file.",
       OPT_ESCROW, OPT_ESCROW_KEY);

static int cmd_escrow_ack(const struct args *args)
{
	_cleanup_secret_ struct secret *password = NULL;
	_cleanup_blob_ struct blob data = {0}, ack = {0};
	struct escrow_packet packet;
	int r = file_check_new(args->operand[1], "acknowledgement");

	if (r < 0)
		return r;
	r = open_packet(args, &data, &packet, &password);
	if (r < 0)
		return r;
	r = escrow_ack(args->handover.escrow[0], args->escrow_key, &data, &ack);
	return r < 0 ? r : file_create(args->operand[1], 0644, ack.data, ack.size);
}

ACTION(escrow_ack, "Escrow", "escrow ack", "<packet> <file>", "acknowledge that a packet is kept",
       "Open a packet with the organisation's key, which shows that it can be opened, and write a "
       "signed acknowledgement of this very packet to a new file: what --ack-file waits for.",
       OPT_ESCROW, OPT_ESCROW_KEY);

static int cmd_escrow_verify(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *password = NULL;
	_cleanup_blob_ struct blob data = {0};
	_cleanup_free_ char *file = NULL, *path = NULL;
	struct escrow_packet packet;
	struct protector owner;
	int r = open_packet(args, &data, &packet, &password);

	if (r < 0)
		return r;
	r = header_load(args->operand[1], &header);
	if (r < 0)
		return r;
	if (strcmp(packet.volume, header_uuid(header)) != 0)
		return log_errno(EINVAL, "the packet is of volume %s, and %s is %s", packet.volume,
				 args->operand[1], header_uuid(header));
	r = find_owner(header, password, &owner);
	if (r < 0)
		return r;
	if (strcmp(owner.head.id, packet.protector) != 0)
		return log_errno(EBADMSG,
				 "the packet names protector %s, and its password opens %s",
				 packet.protector, owner.head.id);
	file = printable_copy(args->operand[0]);
	path = printable_copy(args->operand[1]);
	printf("%s opens %s by recovery password %s\n", file ?: "?", path ?: "?", owner.head.id);
	return 0;
}

ACTION(escrow_verify, "Escrow", "escrow verify", "<packet> <device>",
       "prove that a packet opens a volume",
       "Open a packet with the organisation's key, and the volume with what is in it. Nothing is "
       "mapped or changed.",
       OPT_ESCROW, OPT_ESCROW_KEY);
