/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of a volume: other devices that have a LUKS2 header with its UUID. */
#pragma once

/*
 * Call @each for every block device that has a header with the UUID @uuid and is another volume
 * than the one on @path, a device or an image file, until it returns something other than 0, and
 * return that. The paths of a disk, the halves of a mirror, and a snapshot with its origin stand
 * below or above one device, and are no copies.
 */
int twin_each(const char *path, const char *uuid, int (*each)(void *data, const char *twin),
	      void *data);
