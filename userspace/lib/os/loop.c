// SPDX-License-Identifier: LGPL-2.1-or-later
/* Attaching a file to a loop device (loop(4)). */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "base/util.h"
#include "os/loop.h"

#define TRIES 16 /* since another process may take the device that was free */

int loop_attach(const char *path, bool read_only, char **ret_device, int *ret_fd)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int file = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	struct loop_config config = {
		.fd = (__u32)file,
		.info = {.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO |
				     (read_only ? LO_FLAGS_READ_ONLY : 0u)},
	};

	if (control < 0)
		return log_errno(errno, "there is no loop device for %s: %m", path);
	if (file < 0)
		return log_errno(errno, "cannot open %s: %m", path);
	for (int i = 0; i < TRIES; i++) {
		_cleanup_free_ char *device = NULL;
		_cleanup_close_ int fd = -1;
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0 || asprintf(&device, "/dev/loop%d", number) < 0)
			return log_errno(errno, "there is no free loop device for %s: %m", path);
		fd = open(device, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			*ret_device = steal(device);
			*ret_fd = steal_fd(fd);
			return 0;
		}
		if (errno != EBUSY)
			return log_errno(errno, "cannot attach %s to %s: %m", path, device);
	}
	return log_errno(EBUSY, "there is no free loop device for %s", path);
}
