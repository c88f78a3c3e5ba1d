/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking the key from an open volume under the feet of whoever uses it. */
#pragma once

/*
 * Revoke the mapping @name: its file systems are written out and frozen, for ten seconds at most;
 * the key goes from the kernel, and from then on all I/O fails with EIO; the file systems are
 * unmounted, but for "/", what is cached of them and of the device is dropped, and the mapping is
 * removed, or will be when the last user closes it. What programs hold in their own memory stays
 * there. After an error everything that could be done was. The messages are made here.
 */
int revoke_volume(const char *name);
