#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd: before a shell, before a mount, before the root takes over.
fvesetup boot-cap > /dev/console 2>&1 || {
	sleep 10
	reboot -f
}
