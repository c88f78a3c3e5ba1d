// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup rotate vmk|recovery' actions. */
#include <errno.h>
#include <string.h>

#include "cli/table.h"
#include "keys/rotate.h"

static int cmd_rotate_vmk(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	uint32_t generation;
	int r = cli_open_to_change(&args->unlock, &lock, &header, &fvek);

	if (r < 0)
		return r;
	r = rotate_vmk(header, fvek, kind_token_known, &generation);
	if (r < 0)
		return r;
	cli_note(&args->unlock, header, "vmk-rotated", NULL, NULL);
	log_notice("%s has a new VMK, generation %u; the old one opens nothing any more.",
		   args->operand[0], generation);
	return 0;
}

ACTION(rotate_vmk, "Keys", "rotate vmk", "<device>", "replace the volume master key",
       "Replace the volume master key (VMK), through which the machine's protectors open the "
       "volume, by a new one. Nobody has to be present but who unlocks: any protector will do. "
       "People's secrets and the data stay as they are. Do this after removing a machine's "
       "protector from a disk that keeps old blocks, as flash does: what an old block holds "
       "then opens nothing. An interrupted rotation is finished by the next change.",
       TO_UNLOCK);

/* The recovery protector that is meant: by its id, or the only one. */
static int find_recovery(const struct header *header, const char *id, struct protector *ret)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list), found = 0;

	if (id) {
		int r = protector_find(header, id, ret);

		if (r == 0 && !kind_has(ret->kind, KIND_RECOVERY))
			r = log_errno(EINVAL, "%s is no recovery password", id);
		return r;
	}
	for (int i = 0; i < n; i++)
		if (kind_has(list[i].kind, KIND_RECOVERY) && found++ == 0)
			*ret = list[i];
	if (!found)
		return log_errno(ENOENT,
				 "%s has no recovery password; make one: fvesetup protector add %s "
				 "recovery",
				 header_path(header), header_path(header));
	if (found > 1)
		return log_errno(EINVAL,
				 "%s has %d recovery passwords; say which by its id: fvesetup "
				 "protector list %s",
				 header_path(header), found, header_path(header));
	return 0;
}

int cli_rotate_recovery(const struct recovery_request *request)
{
	const struct handover *to = &request->to;
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	struct protector_spec spec = {.kind = PROTECTOR_RECOVERY, .replaces = true};
	struct protector old, new, before[PROTECTOR_LIST_MAX];
	int n_before;
	int r = cli_check_recovery(to);

	if (r < 0)
		return r;
	r = cli_check_escrow(to);
	if (r < 0)
		return r;
	if (!to->recovery_file && !to->n_escrow && !request->batch_mode && !isatty(STDIN_FILENO))
		return log_errno(EINVAL, "nobody can be asked whether the new password is written "
					 "down; use --recovery-file, or --batch-mode");
	r = cli_open_to_change(&request->unlock, &lock, &header, &fvek);
	if (r < 0)
		return r;
	r = find_recovery(header, request->id, &old);
	if (r < 0)
		return r;
	strcpy(spec.label, old.head.stored);
	n_before = protector_list(header, before);
	r = cli_add_recovery(to, &request->unlock, header, fvek, &spec);
	if (r < 0)
		return r;
	/* What was printed may not have been read: the old one goes when somebody has it on paper.
	 */
	if (!to->recovery_file && !to->n_escrow) {
		r = prompt_confirm(request->batch_mode,
				   "The old recovery password will open the volume no longer. Is "
				   "the new one written down?");
		if (r < 0) {
			cli_remove_new(header, fvek, before, n_before);
			log_notice("Nothing is replaced: the old one still opens.");
		}
	}
	if (r < 0)
		return r;
	r = cli_find_new(header, before, n_before, &new);
	if (r == 0)
		r = cli_replaced(header, fvek, &old, &new);
	if (r == 0)
		cli_note(&request->unlock, header, "recovery-rotated", old.head.id, NULL);
	return r;
}

static int cmd_rotate_recovery(const struct args *args)
{
	return cli_rotate_recovery(&(struct recovery_request){
		.unlock = args->unlock,
		.to = args->handover,
		.id = args->operand[1],
		.batch_mode = args->batch_mode,
	});
}

ACTION(rotate_recovery, "Keys", "rotate recovery", "<device> [<id>]",
       "replace the recovery password",
       "Replace the recovery password by a new one, which is printed, or written to "
       "--recovery-file. The old one is removed when the file is written, or when somebody has "
       "confirmed to have the new one. <id> says which, where there are several.",
       TO_UNLOCK, OPT_RECOVERY_FILE, OPT_ESCROW, OPT_ESCROW_FILE, OPT_ACK_FILE);
