#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd, before a mount: the TPM is capped.
fvesetup boot-cap > /dev/console 2>&1 || {
	sleep 10
	reboot -f
}
