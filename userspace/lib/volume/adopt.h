/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking over a LUKS2 volume that was made elsewhere, and handing one back to stock tools. Its
 * data, its volume key and people's keyslots stay as they are. Until the last write of an
 * adoption, and from the first of a release on, the header is a stock one with tokens that stock
 * tools do not know; both can be repeated after a power cut.
 */
#pragma once

#include "header/header.h"

/*
 * Whether the volume can be adopted, from a header of header_load_any(). -EEXIST: it is one of
 * ours; -EBUSY: no room in its metadata; -ENODEV: of a shape that is not ours; -EBADMSG: a
 * release was interrupted. The messages are made here.
 */
int adopt_check(const struct header *header);

/*
 * Give every keyslot that a person opens its token, make the VMK and the MAC, then claim the
 * header. What a release that was cut short has left is removed first. A header of ours that
 * only lacks its subsystem keeps everything, and is claimed. @header as adopt_check() took it.
 * @ret_tpm: -EIO, told already, where something stays in the TPM since that answered with an error.
 */
int adopt(struct header *header, const struct secret *fvek, const char *tcti, int *ret_tpm);

/* -EBUSY with a message where nobody could open the volume after a release. */
int adopt_release_check(const struct header *header);

/* Remove all that is ours but people's keyslots; counters from the TPM of @tcti, too; @ret_tpm as
 * by adopt(). */
int adopt_release(struct header *header, const struct secret *fvek, const char *tcti, int *ret_tpm);
