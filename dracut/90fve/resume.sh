#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd, in the place of dracut's own: nothing is resumed but from the machine's volumes.
fvesetup boot-resume "$@" > /dev/console 2>&1
