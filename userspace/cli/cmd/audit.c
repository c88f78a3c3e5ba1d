// SPDX-License-Identifier: LGPL-2.1-or-later
/* fvesetup audit show, verify, export: the log of what was done with keys. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "custody/audit.h"
#include "os/file.h"

/* What somebody has written into the log reaches no terminal as it is. */
static void show_text(const char *before, const char *text)
{
	_cleanup_free_ char *shown = printable_copy(text ?: "?");

	printf("%s%s", before, shown ?: "?");
}

static void show_member(const char *before, struct json_object *object, const char *name)
{
	show_text(before, json_object_get_string(json_object_object_get(object, name)));
}

/* One line as people read it: number, time, event, and what it is about. */
static void show_line(const char *line, void *data)
{
	static const char *const hidden[] = {"type", "version", "number",   "time",
					     "boot", "uid",	"anchored", "prev"};
	struct json_object *object = json_tokener_parse(line);
	struct json_object *value;

	(void)data;
	if (!json_object_is_type(object, json_type_object)) {
		printf("      (not a record)\n");
		json_object_put(object);
		return;
	}
	printf("%5d", json_object_get_int(json_object_object_get(object, "number")));
	show_member(" ", object, "time");
	show_member(" ", object, "type");
	json_object_object_foreach (object, name, member) {
		bool shown = true;

		for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
			shown = shown && strcmp(name, hidden[i]) != 0;
		if (!shown)
			continue;
		show_text(" ", name);
		show_text("=", json_object_get_string(member));
	}
	if (json_object_object_get_ex(object, "anchored", &value) &&
	    !json_object_get_boolean(value))
		printf(" (not in the TPM)");
	printf("\n");
	json_object_put(object);
}

static void collect_line(const char *line, void *data)
{
	struct json_object *object = json_tokener_parse(line);

	json_object_array_add(data, object);
}

static int cmd_audit_show(const struct args *args)
{
	struct json_object *records;
	int r;

	if (!args->json)
		return audit_read(show_line, NULL);
	records = json_object_new_array();
	r = audit_read(collect_line, records);
	if (r < 0) {
		json_object_put(records);
		return r;
	}
	return object_print_list("records", records);
}

ACTION(audit_show, "Audit log", "audit show", "", "show what was done with keys",
       "Show the audit log: what was done with keys, when and by whom, in the order in which it "
       "was written. A line that the TPM does not know of, since there was none, is marked.",
       OPT_JSON);

static void print_line(const char *line, void *data)
{
	fprintf(data, "%s\n", line);
}

static int cmd_audit_export(const struct args *args)
{
	const char *path = args->operand[0];
	_cleanup_close_ int fd = -1;
	FILE *file;
	int r;

	if (!path)
		return audit_read(print_line, stdout);
	r = file_check_new(path, "copy of the log");
	if (r < 0)
		return r;
	r = file_create_begin(path, 0600, &fd);
	if (r < 0)
		return r;
	file = fdopen(dup(fd), "w");
	r = file ? audit_read(print_line, file) : -ENOMEM;
	if (file && fclose(file) && r == 0)
		r = log_errno(errno, "cannot write %s: %m", path);
	return file_create_end(path, fd, r);
}

ACTION(audit_export, "Audit log", "audit export", "[<file>]", "copy the log, to be kept elsewhere",
       "Write the audit log to a new file, or to standard output. Kept on another machine, it "
       "is what a later verify can be told to compare with.",
       OPT_END);

static void explain(const struct audit_state *state)
{
	switch (state->fault) {
	case AUDIT_EDITED:
		log_error("the audit log was changed: line %zu is not the one that was written "
			  "after the one before it",
			  state->line);
		break;
	case AUDIT_NOT_PREFIX:
		log_error("the audit log was changed: line %zu of the earlier export is not in it "
			  "any more",
			  state->line);
		break;
	case AUDIT_HEAD:
		log_error(
			"the audit log was changed: its lines follow one another, but are not those "
			"that were extended into the TPM");
		break;
	case AUDIT_NO_TPM:
		log_error(
			"the audit log cannot be verified: the TPM that holds its head is not there, "
			"or does not answer");
		break;
	default:
		break;
	}
}

static int cmd_audit_verify(const struct args *args)
{
	struct audit_state state = {0};
	_cleanup_free_ char *head = NULL;
	struct json_object *root;
	int r = audit_verify(args->unlock.tcti, args->operand[0], &state);

	if (r < 0 && !state.fault)
		return r;
	head = hex_encode(state.head, sizeof(state.head));
	if (!head)
		return -ENOMEM;
	if (!args->json) {
		explain(&state);
		if (state.healed)
			printf("the last line had not reached the TPM, and now has\n");
		if (r == 0)
			printf("%zu lines in order, %zu of them in the TPM; head %s\n", state.lines,
			       state.anchored, head);
		return r;
	}
	root = json_object_new_object();
	object_text(root, "result", audit_fault_code(state.fault));
	object_number(root, "lines", state.lines);
	object_number(root, "anchored", state.anchored);
	if (state.line)
		object_number(root, "line", state.line);
	object_text(root, "head", head);
	return object_print(root) ?: r;
}

ACTION(audit_verify, "Audit log", "audit verify", "[<earlier export>]",
       "find an edited, dropped or moved line",
       "Verify the audit log: that each line names the hash of the line before it, and that the "
       "TPM's NV index, which can only be extended, holds the hash of them all. With an earlier "
       "export, that its lines are still the first ones.",
       OPT_TPM, OPT_JSON);
