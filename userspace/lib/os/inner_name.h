/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names that the file system or swap inside a volume bears: UUID and label. Anybody can copy
 * them to another disk, so they say nothing of what they are read from; the machine remembers them,
 * by the name of the mapping, to tell what is to be found on that mapping and nowhere else.
 */
#ifndef FVE_INNER_NAME_H
#define FVE_INNER_NAME_H

#define INNER_NAME_MAX 127 /* bytes of a UUID or label */

struct inner_name {
	char uuid[INNER_NAME_MAX + 1];	/* or "" */
	char label[INNER_NAME_MAX + 1]; /* or "" */
};

/*
 * What is inside the open volume @mapping. -ENOENT: nothing with a name, or something that is no
 * file system and no swap, such as a physical volume of LVM; or it is not open. No message.
 */
int inner_name_read(const char *mapping, struct inner_name *ret);

/* As the machine remembers it. -ENOENT without a message: it does not. */
int inner_name_recall(const char *mapping, struct inner_name *ret);

/* Remember what is inside now; nothing happens where that is known already, or not open. */
int inner_name_remember(const char *mapping);

#endif
