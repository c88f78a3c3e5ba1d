#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The network is wanted. Not a file of the image: where /etc/cmdline.d has one dracut-cmdline-ask.service starts,
# which may end in a shell, and so locks all volumes first.
mkdir -p /etc/cmdline.d
echo "rd.neednet=1" > /etc/cmdline.d/90-fve.conf
