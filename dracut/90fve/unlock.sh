#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd: the console is where to ask. What cannot be opened ends in a shell.
# shellcheck source=/dev/null # dracut's
command -v need_shutdown > /dev/null || . /lib/dracut-lib.sh
# Back here at shutdown, where the root's mapping can be removed and its key wiped.
need_shutdown
fvesetup boot-unlock < /dev/console > /dev/console 2>&1 ||
	emergency_shell "An encrypted volume cannot be opened."
