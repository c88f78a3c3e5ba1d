// SPDX-License-Identifier: LGPL-2.1-or-later
/* Notes of the boot, as text files: "KIND ID pcr-mismatch|- ours|any|foreign IDENTITY". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/boot_note.h"

#define RUN	  "/run/fve"
#define NOTES	  RUN "/boot"
#define LOCK	  RUN "/boot.lock"
#define LOCKED	  RUN "/locked"

#define PATH_SIZE (sizeof(NOTES) + FVETAB_NAME_MAX + 1)

static void note_path(const char *name, char ret[PATH_SIZE])
{
	snprintf(ret, PATH_SIZE, NOTES "/%.*s", FVETAB_NAME_MAX, name);
}

static int make_directories(void)
{
	return (mkdir(RUN, 0700) < 0 && errno != EEXIST) ||
			       (mkdir(NOTES, 0700) < 0 && errno != EEXIST)
		       ? -errno
		       : 0;
}

static const char *const whose_words[] = {
	[BOOT_OURS] = "ours", [BOOT_ANY] = "any", [BOOT_FOREIGN] = "foreign"};

/* What is not to be read is nobody's. */
static enum boot_whose parse_whose(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(whose_words); i++)
		if (!strcmp(word, whose_words[i]))
			return (enum boot_whose)i;
	return BOOT_FOREIGN;
}

int boot_note_read(const char *name, struct boot_note *ret)
{
	char path[PATH_SIZE], kind[32], remark[32] = "", whose[32] = "", identity[80] = "";
	struct boot_note note = {0};
	FILE *file;
	int n;

	note_path(name, path);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ENOENT : -EIO;
	n = fscanf(file, "%31s %36s %31s %31s %79s", kind, note.id, remark, whose, identity);
	fclose(file);
	if (n < 2)
		return -EIO;
	note.kind = kind_find(kind);
	if (note.kind == PROTECTOR_MAX)
		return -EIO;
	note.mismatch = !strcmp(remark, "pcr-mismatch");
	note.whose = parse_whose(whose);
	if (n == 5 && identity_parse(identity, note.identity) < 0)
		return -EIO;
	*ret = note;
	return 0;
}

int boot_note_write(const char *name, const struct boot_note *note)
{
	_cleanup_free_ char *hex = hex_encode(note->identity, IDENTITY_SIZE);
	char path[PATH_SIZE];
	int r = hex ? make_directories() : -ENOMEM;
	FILE *file;

	if (r < 0)
		return r;
	note_path(name, path);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file, "%s %s %s %s %s\n", protector_kind_name(note->kind), note->id,
		note->mismatch ? "pcr-mismatch" : "-", whose_words[note->whose], hex);
	return fclose(file) ? -EIO : 0;
}

void boot_note_remove(const char *name)
{
	char path[PATH_SIZE];

	note_path(name, path);
	unlink(path);
}

bool boot_note_unattended(enum protector_kind kind)
{
	return kind_has(kind, KIND_ALONE);
}

bool boot_attended(void)
{
	_cleanup_dir_ DIR *dir = opendir(NOTES);
	const struct dirent *entry;
	struct boot_note note;

	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' && boot_note_read(entry->d_name, &note) == 0 &&
		    note.whose == BOOT_OURS && !boot_note_unattended(note.kind))
			return true;
	return false;
}

int boot_hold(int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int r = make_directories();

	if (r == 0) {
		fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		r = fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : 0;
	}
	if (r < 0)
		return log_errno(-r, "cannot use " LOCK ": %s", strerror(-r));
	*ret_fd = steal_fd(fd);
	return 0;
}

int boot_mark_locked(void)
{
	_cleanup_close_ int fd = -1;
	int r = make_directories();

	if (r == 0) {
		fd = open(LOCKED, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		r = fd < 0 ? -errno : 0;
	}
	return r < 0 ? log_errno(-r, "cannot write " LOCKED ": %s", strerror(-r)) : 0;
}

bool boot_is_locked(void)
{
	return access(LOCKED, F_OK) == 0 && !boot_attended();
}
