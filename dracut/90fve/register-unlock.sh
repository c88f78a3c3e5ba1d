#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd: unlock once, when udev has settled for the first time.
/sbin/initqueue --settled --onetime --unique --name 10-fve-unlock /sbin/fve-unlock
