/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UUID and label of the file system or swap inside a volume. Anybody can copy them to another disk,
 * so they prove nothing about the disk that they are read from. The machine remembers them by the
 * name of the mapping, and then knows which names belong on that mapping and nowhere else.
 */
#pragma once

#define INNER_NAME_MAX 127 /* bytes of a UUID or label */

struct inner_name {
	char uuid[INNER_NAME_MAX + 1];	/* or "" */
	char label[INNER_NAME_MAX + 1]; /* or "" */
};

/*
 * Read the names inside the open volume @mapping. -ENOENT without a message: it is not open, has
 * neither name, or holds no file system and no swap but, for example, a physical volume of LVM.
 */
int inner_name_read(const char *mapping, struct inner_name *ret);

/* Read the names that the machine remembers for @mapping. -ENOENT without a message: none. */
int inner_name_recall(const char *mapping, struct inner_name *ret);

/* Remember the names inside @mapping, unless they are known already or it is not open. */
int inner_name_remember(const char *mapping);
