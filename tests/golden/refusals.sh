#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What other actions say where they cannot do what is asked: on mappings, at boot.
. "$(dirname "$0")/lib.sh"

new_image volume.img
format volume.img

note "mappings"
run suspend name
run resume name
run close name
run status missing.img

note "boot"
echo "root $TMP/volume.img - no-such-option" >table
run boot-unlock --fvetab table --kernel-cmdline /dev/null
echo 'root' >table
run boot-unlock --fvetab table --kernel-cmdline /dev/null
run boot-unlock --fvetab missing --kernel-cmdline /dev/null
run boot-cap --tpm swtpm:path=missing
run boot-finish --fvetab missing
