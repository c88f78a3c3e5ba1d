#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd, before a shell: volumes that no person's secret opened are locked.
fvesetup boot-lock > /dev/console 2>&1 || {
	sleep 10
	reboot -f
}
