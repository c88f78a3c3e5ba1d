#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is refused before any device is looked at.
. "$(dirname "$0")/lib.sh"

run
run frobnicate
run frobnicate --help
run protector frobnicate volume.img
run open
run open volume.img
run open --test volume.img name
run close a b
run --frobnicate
run open --key-file
run status --label x name
run open --tries 0 volume.img name
run open --tries three volume.img name
run format --sector-size 513 volume.img
run format --iter-time 0 volume.img
run format --protector frobnicate volume.img
run format --protector tpm2,pcrs=24 volume.img
run format --protector recovery,pcrs=7 volume.img
run format --protector tpm2,frob volume.img
run format --protector a --protector b --protector c --protector d --protector e --protector f \
	--protector g --protector h --protector i volume.img
