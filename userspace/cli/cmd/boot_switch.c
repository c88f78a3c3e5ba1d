// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-switch' and 'boot-resume' actions: before another system takes over, from
 * /sysroot or out of a hibernation image, it has to be the one on the machine's own volume. What a
 * command line or an fstab names (UUID=, LABEL=) can be on any disk; what a mount stands on cannot
 * be made up.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "cli/boot_locking.h"
#include "cli/object.h"
#include "cli/table.h"
#include "os/file.h"
#include "os/mounts_within.h"
#include "os/storage.h"

#define SYSROOT "/sysroot"
#define INIT	"/sbin/init"

/*
 * Whether the kernel would start @top's init, which is not let do so: -errno of execve(2). Where it
 * is not to be found systemd starts /bin/sh in its place, and sixteen noisy bytes in the name of
 * its ELF interpreter are enough for that.
 */
static int check_init(const char *top)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		char *const argv[] = {INIT, NULL};

		if (chroot(top) < 0 || chdir("/") < 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(errno);
		execv(INIT, argv);
		_exit(errno);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -errno;
	if (WIFEXITED(status))
		return -WEXITSTATUS(status);
	/* It was started, and stands before its first instruction. */
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return 0;
}

/* -EPERM with a message where what is mounted at @top must not take over. */
static int check_root(const char *top, const struct boot_open *open)
{
	_cleanup_free_ char *bad = NULL;
	dev_t good[BOOT_OPEN_MAX];
	int r = mounts_within(top, good, boot_numbers(open, good), &bad);

	if (r == 0)
		return log_errno(EPERM,
				 "%s (%s): the root file system is on %s, and not on a volume that "
				 "this boot has opened",
				 reason_text(REASON_NOT_OURS), reason_code(REASON_NOT_OURS), bad);
	if (r > 0)
		r = check_init(top);
	return r < 0 ? log_errno(EPERM, "the root file system has no " INIT " that starts: %s",
				 strerror(-r))
		     : 0;
}

static int cmd_boot_switch(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	struct boot_open open;
	int r = boot_load(args, FVETAB_SYSTEM, NULL, &boot);

	if (r == 0)
		r = boot_find_open(&open);
	if (r == 0 && open.unattended)
		r = check_root(args->operand[0] ?: SYSROOT, &open);
	if (r < 0)
		boot_lock_volumes(&boot);
	return r;
}

ACTION(boot_switch, "Boot", "boot-switch", "[<directory>]", "stop before a stranger's root",
       "Succeed where all that is mounted at <directory>, /sysroot by default, and below it stands "
       "on volumes that boot-unlock opened in this boot and that are the machine's own, or where "
       "a person opened them. Else lock all volumes, as boot-lock does, and fail.",
       OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD);

/* --- resuming --------------------------------------------------------------------------------- */

/* Where systemd 255 and newer keep it: UAPI, "HibernateLocation". The first 4 bytes are attributes.
 */
#define HIBERNATE_LOCATION \
	"/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"
#define EFI_ATTRIBUTES 4
#define HIBERNATE_MAX  4096
#define RESUME	       "/sys/power/resume"
#define RESUME_OFFSET  "/sys/power/resume_offset"

struct image {
	char device[FVETAB_PATH_MAX + 1];
	uint64_t offset; /* pages */
};

/* UTF-16 of ASCII to ASCII; anything else ends it. */
static void narrow(const struct blob *wide, char ret[HIBERNATE_MAX + 1])
{
	size_t n = 0;

	for (size_t i = EFI_ATTRIBUTES; i + 1 < wide->size && n < HIBERNATE_MAX; i += 2) {
		if (wide->data[i + 1] || !wide->data[i] || wide->data[i] > 0x7e)
			break;
		ret[n++] = (char)wide->data[i];
	}
	ret[n] = '\0';
}

static void find_by_firmware(struct image *ret)
{
	_cleanup_blob_ struct blob wide = {0};
	char text[HIBERNATE_MAX + 1];
	struct json_object *root, *uuid, *offset;

	if (file_read(HIBERNATE_LOCATION, HIBERNATE_MAX, &wide) < 0)
		return;
	narrow(&wide, text);
	root = json_tokener_parse(text);
	if (json_object_object_get_ex(root, "uuid", &uuid) &&
	    json_object_is_type(uuid, json_type_string))
		snprintf(ret->device, sizeof(ret->device), "UUID=%s", json_object_get_string(uuid));
	if (json_object_object_get_ex(root, "offset", &offset))
		ret->offset = json_object_get_uint64(offset);
	json_object_put(root);
}

static void find_image(const struct boot *boot, struct image *ret)
{
	const struct args *args = boot->args;

	*ret = (struct image){.offset = boot->kernel.resume_offset};
	snprintf(ret->device, sizeof(ret->device), "%s", args->operand[0] ?: boot->kernel.resume);
	if (!*ret->device)
		find_by_firmware(ret);
}

static int write_power(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Comes back where there is no image. By its number: a name can be another disk's a moment later.
 */
static int resume(dev_t device, uint64_t offset)
{
	char text[64];
	int r;

	snprintf(text, sizeof(text), "%ju", (uintmax_t)offset);
	if (offset && write_power(RESUME_OFFSET, text) < 0)
		return log_errno(EIO, "cannot write " RESUME_OFFSET ": %m");
	snprintf(text, sizeof(text), "%u:%u", major(device), minor(device));
	r = write_power(RESUME, text);
	if (r < 0)
		log_verbose("There is no hibernation image on %s: %s", text, strerror(-r));
	return 0;
}

static int cmd_boot_resume(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	char path[FVETAB_PATH_MAX + 32];
	struct boot_open open;
	dev_t good[BOOT_OPEN_MAX];
	struct image image;
	struct stat st;
	size_t n;
	int r = boot_load(args, FVETAB_SYSTEM, NULL, &boot);

	if (r < 0)
		return r;
	r = boot_find_open(&open);
	if (r < 0)
		return r;
	find_image(&boot, &image);
	if (!*image.device || fvetab_device_path(image.device, path) < 0)
		return 0;
	if (stat(path, &st) < 0 || !S_ISBLK(st.st_mode)) {
		log_verbose("There is no %s to resume from.", path);
		return 0;
	}
	n = boot_numbers(&open, good);
	if (open.unattended && !storage_within(st.st_rdev, good, n))
		return log_errno(EPERM,
				 "%s (%s): %s is not on a volume that this boot has opened, and "
				 "nothing is resumed from it",
				 reason_text(REASON_NOT_OURS), reason_code(REASON_NOT_OURS), path);
	return resume(st.st_rdev, image.offset);
}

ACTION(boot_resume, "Boot", "boot-resume", "[<device>]",
       "resume from the machine's own volumes only",
       "Have the kernel resume from the hibernation image on <device>, or on that which resume= or "
       "the firmware names, if it stands on volumes that boot-unlock opened in this boot, or a "
       "person opened them. Comes back where there is no image.",
       OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD);
