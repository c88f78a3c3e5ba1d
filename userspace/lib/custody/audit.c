// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writing and verifying the audit log. A line is first written and made durable, and then extended
 * into the TPM. A power cut in between leaves one last line that is not in the TPM, and whoever
 * reads the log next extends it. The other order could leave a head in the TPM that no file has.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "custody/audit.h"
#include "keys/token.h"
#include "os/file.h"
#include "tpm/tpm.h"

static const char *const faults[AUDIT_FAULTS] = {
	[AUDIT_IN_ORDER] = "in-order",	   [AUDIT_EDITED] = "edited",
	[AUDIT_NOT_PREFIX] = "not-prefix", [AUDIT_HEAD] = "head-differs",
	[AUDIT_NO_TPM] = "tpm-absent",
};

const char *audit_fault_code(enum audit_fault fault)
{
	return faults[fault];
}

/* The open log and what reading it through gave. */
struct log_file {
	FILE *file;
	char *path;
	struct audit_state state;
	off_t end;			     /* of the last whole line */
	uint8_t last[SHA256_SIZE];	     /* hash of the last anchored line */
	uint8_t nv[SHA256_SIZE];	     /* what the TPM should hold */
	uint8_t nv_before_last[SHA256_SIZE]; /* and before that line */
};

static void log_file_close(struct log_file *log)
{
	if (log->file)
		fclose(log->file);
	free(log->path);
}
#define _cleanup_log_ __attribute__((cleanup(log_file_close)))

/* TPM2_NV_Extend (TPM 2.0 Part 3): the new value is the hash of the old one and the data. */
static int fold(uint8_t value[SHA256_SIZE], const uint8_t data[SHA256_SIZE])
{
	const struct span parts[] = {{value, SHA256_SIZE}, {data, SHA256_SIZE}};

	return crypto_sha256(parts, 2, value);
}

/* Take a line, without its end, which must follow the lines that were read so far. */
static int take_line(struct log_file *log, const char *line, size_t length)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct audit_state *state = &log->state;
	uint8_t prev[SHA256_SIZE];
	bool anchored = false;
	struct members m;

	state->lines++;
	object = strlen(line) == length ? members_read(&m, line) : NULL;
	if (object) {
		member_hex(&m, "prev", prev, sizeof(prev));
		anchored = member_bool(&m, "anchored", false);
	}
	if ((!object || m.error || memcmp(prev, state->head, sizeof(prev)) != 0) &&
	    state->fault == AUDIT_IN_ORDER) {
		state->fault = AUDIT_EDITED;
		state->line = state->lines;
	}
	if (crypto_sha256(&(struct span){line, length}, 1, state->head) < 0)
		return -EIO;
	if (!anchored)
		return 0;
	state->anchored++;
	memcpy(log->last, state->head, SHA256_SIZE);
	memcpy(log->nv_before_last, log->nv, SHA256_SIZE);
	return fold(log->nv, log->last);
}

static int read_through(struct log_file *log)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, log->file)) > 0) {
		int r;

		if (line[n - 1] != '\n') {
			log->state.torn = true;
			break;
		}
		line[n - 1] = '\0';
		log->end += n;
		r = take_line(log, line, (size_t)n - 1);
		if (r < 0)
			return r;
	}
	return ferror(log->file) ? -EIO : 0;
}

static int make_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	if (mkdir(dirname(copy), 0700) < 0 && errno != EEXIST)
		return log_errno(errno, "cannot make %s: %m", copy);
	return 0;
}

/* Open and read the log. It is locked until it is closed, against those who record or verify. */
static int log_file_open(struct log_file *log, bool create)
{
	const char *directory = secure_getenv("FVE_STATE");
	int fd, r;

	if (directory ? asprintf(&log->path, "%s/audit.log", directory) < 0
		      : !(log->path = strdup(AUDIT_FILE)))
		return -ENOMEM;
	r = create ? make_directory(log->path) : 0;
	if (r < 0)
		return r;
	fd = open(log->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0),
		  0600);
	if (fd < 0)
		return log_errno(errno, "cannot open the audit log %s: %m", log->path);
	log->file = fdopen(fd, "r+");
	if (!log->file) {
		close(fd);
		return -ENOMEM;
	}
	if (flock(fd, LOCK_EX) < 0)
		return log_errno(errno, "cannot lock %s: %m", log->path);
	r = read_through(log);
	return r < 0 ? log_errno(-r, "cannot read the audit log %s: %m", log->path) : 0;
}

/*
 * Whether the TPM holds this chain's head, after the one line was made good that a power cut
 * leaves. -errno only where the TPM does not work.
 */
static int check_head(struct log_file *log, struct tpm *tpm)
{
	uint8_t value[SHA256_SIZE];
	enum reason reason;
	int r = tpm_audit_read(tpm, value, &reason);

	if (r < 0 || log->state.fault || !memcmp(value, log->nv, sizeof(value)))
		return r;
	if (!log->state.anchored || memcmp(value, log->nv_before_last, sizeof(value)) != 0) {
		log->state.fault = AUDIT_HEAD;
		return 0;
	}
	r = tpm_audit_extend(tpm, log->last, &reason);
	log->state.healed = r == 0;
	return r;
}

/* Who logged in, whatever sudo(8) made of them since. -ENOENT: nobody did, as in a service. */
static int login_uid(uint32_t *ret)
{
	_cleanup_blob_ struct blob text = {0};
	int r = file_read("/proc/self/loginuid", 16, &text);

	if (r < 0)
		return r;
	return number_parse((const char *)text.data, 0, UINT32_MAX - 1, ret) < 0 ? -ENOENT : 0;
}

static char *make_line(const struct log_file *log, const char *event, bool anchored,
		       const struct audit_field *fields, size_t n)
{
	struct members m = members_write(event);
	char now[TIME_LENGTH + 1], boot[37] = "";
	uint32_t login;
	_cleanup_file_ FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file && !fgets(boot, sizeof(boot), file))
		*boot = '\0';
	token_time_now(now);
	members_put_number(&m, "number", log->state.lines + 1);
	members_put_text(&m, "time", now);
	members_put_text(&m, "boot", boot);
	members_put_number(&m, "uid", getuid());
	if (login_uid(&login) == 0)
		members_put_number(&m, "loginuid", login);
	member_bool(&m, "anchored", anchored);
	for (size_t i = 0; i < n; i++)
		if (fields[i].value)
			members_put_text(&m, fields[i].name, fields[i].value);
	members_put_hex(&m, "prev", log->state.head, SHA256_SIZE);
	return members_text(&m);
}

static int append(struct log_file *log, const char *line)
{
	int fd = fileno(log->file);
	_cleanup_free_ char *whole = NULL;
	int n = asprintf(&whole, "%s\n", line);

	if (n < 0)
		return -ENOMEM;
	/* The line is written at once, after a piece that a power cut has left is cut off. */
	if ((log->state.torn && ftruncate(fd, log->end) < 0) || write(fd, whole, (size_t)n) != n ||
	    fsync(fd) < 0)
		return log_errno(errno ?: EIO, "cannot write to the audit log %s: %m", log->path);
	return 0;
}

static int add_record(const char *tcti, const char *event, const struct audit_field *fields,
		      size_t n, bool begin)
{
	_cleanup_log_ struct log_file log = {0};
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_free_ char *line = NULL;
	uint8_t digest[SHA256_SIZE];
	enum reason reason;
	bool anchored;
	int r = log_file_open(&log, true);

	if (r < 0)
		return r;
	anchored = (begin || log.state.anchored) && tpm_open(tcti, &tpm, &reason) == 0 &&
		   tpm_audit_make(tpm, &reason) == 0 && check_head(&log, tpm) == 0;
	if (log.state.fault)
		log_error("the audit log %s was changed by somebody; see fvesetup audit verify",
			  log.path);
	line = make_line(&log, event, anchored, fields, n);
	if (!line)
		return -ENOMEM;
	r = append(&log, line);
	if (r < 0)
		return r;
	journal_send(event, line, fields, n);
	if (!anchored)
		return 0;
	r = crypto_sha256(&(struct span){line, strlen(line)}, 1, digest);
	if (r < 0)
		return r;
	if (tpm_audit_extend(tpm, digest, &reason) < 0)
		log_error(
			"the TPM did not take the audit log's head (%s); the next record repeats it",
			reason_text(reason));
	return 0;
}

int audit_record(const char *tcti, const char *event, const struct audit_field *fields, size_t n)
{
	return add_record(tcti, event, fields, n, true);
}

void audit_note(const char *tcti, const char *event, const struct audit_field *fields, size_t n)
{
	add_record(tcti, event, fields, n, false);
}

/* Check that the log begins with the lines of the file @earlier. */
static int check_prefix(struct log_file *log, const char *earlier)
{
	_cleanup_file_ FILE *file = fopen(earlier, "re");
	_cleanup_free_ char *then = NULL, *now = NULL;
	size_t then_size = 0, now_size = 0;

	if (!file)
		return log_errno(errno, "cannot open %s: %m", earlier);
	rewind(log->file);
	for (size_t i = 1; getline(&then, &then_size, file) > 0; i++) {
		if (getline(&now, &now_size, log->file) > 0 && !strcmp(then, now))
			continue;
		log->state.fault = AUDIT_NOT_PREFIX;
		log->state.line = i;
		break;
	}
	return 0;
}

int audit_verify(const char *tcti, const char *earlier, struct audit_state *ret)
{
	_cleanup_log_ struct log_file log = {0};
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason;
	int r = log_file_open(&log, false);

	if (r < 0)
		return r;
	if (log.state.fault == AUDIT_IN_ORDER && earlier)
		r = check_prefix(&log, earlier);
	if (r < 0)
		return r;
	if (log.state.fault == AUDIT_IN_ORDER &&
	    (tpm_open(tcti, &tpm, &reason) < 0 || check_head(&log, tpm) < 0) && log.state.anchored)
		log.state.fault = AUDIT_NO_TPM;
	*ret = log.state;
	return ret->fault ? -EBADMSG : 0;
}

int audit_read(void (*show)(const char *line, void *data), void *data)
{
	_cleanup_log_ struct log_file log = {0};
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r = log_file_open(&log, false);

	if (r < 0)
		return r;
	rewind(log.file);
	while ((n = getline(&line, &size, log.file)) > 0 && line[n - 1] == '\n') {
		line[n - 1] = '\0';
		show(line, data);
	}
	return 0;
}
