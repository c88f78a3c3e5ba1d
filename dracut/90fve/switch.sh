#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd, before the root takes over: it is the one on the machine's own volume, or none.
# shellcheck source=/dev/null # dracut's
command -v emergency_shell > /dev/null || . /lib/dracut-lib.sh
fvesetup boot-switch "$NEWROOT" > /dev/console 2>&1 ||
	emergency_shell "This is not the root of this machine."
