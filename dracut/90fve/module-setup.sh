#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# dracut module: fvesetup, the target and a way to the TPM inside the initramfs, so that a volume
# can be opened there.

# Without the tool there is nothing to bring along; without a request for us, too.
check() {
	require_binaries fvesetup || return 1
	return 255
}

depends() {
	echo dm
}

installkernel() {
	# The target, the cipher behind it on this and other CPUs, and the drivers of TPMs.
	hostonly='' instmods dm_fve dm_crypt xts aes_generic aesni_intel =crypto =drivers/char/tpm
}

install() {
	inst_multiple fvesetup
	# tpm2-tss opens these by name when it is told to, so no list of libraries shows them.
	inst_libdir_file 'libtss2-tcti-device.so*' 'libtss2-tcti-swtpm.so*'
}
