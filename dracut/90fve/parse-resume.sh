#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without systemd, in the place of dracut's own, which has whatever disk appears with a hibernation
# image resumed: the hook resume.sh of this module does that, later, and only from the machine's own.
:
