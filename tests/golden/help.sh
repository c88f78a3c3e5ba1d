#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How help looks. Whether all is in it is for tests/host/t_help.sh: then a new action changes
# nothing here.
. "$(dirname "$0")/lib.sh"

run --version
run rotate --help
run rotate
run close --help
run dump --help
