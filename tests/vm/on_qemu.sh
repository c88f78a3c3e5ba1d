# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/vm/vm in QEMU: Debian's own kernel on an emulated machine.
# shellcheck disable=SC2054 # QEMU's options have commas
# shellcheck disable=SC2154,SC2034 # variables of tests/vm/vm

swtpm='' feeder='' disk_count=0

machine_adapt() {
	:
}

machine_end() {
	[ -z "$swtpm" ] || kill "$swtpm" 2>/dev/null || true
	# It waits for an emulator to open the pipe, which never does where none came up.
	[ -z "$feeder" ] || kill "$feeder" 2>/dev/null || true
}

paths=''
qemu=(-nodefaults -no-user-config -display none -no-reboot
	-machine q35 -m "$memory" -smp "$smp" -device virtio-rng-pci)

# The newest emulator, with its processors in turn, in one thread: half the time. With a thread for each it
# was seen to lose timers of the guest for good (tests/README.md). What make bench counts in hangs on the
# version.
add_accelerator() {
	emulator="qemu-system-x86_64"
	[ -n "$icount$parallel" ] || emulator=$("$here/qemu")
	emulator=${FVE_QEMU:-$emulator}
	if [ -n "$icount" ]; then
		# One instruction is 2^1 ns of guest time; idle time is skipped, not slept.
		qemu+=(-accel "tcg,thread=single" -icount "shift=1,sleep=off"
			-cpu "${cpu:-max,erms=off}")
	elif [ "${ACCEL:-tcg}" = kvm ]; then
		qemu+=(-accel kvm -cpu "${cpu:-host}")
	else
		qemu+=(-accel "tcg,thread=$([ -n "$parallel" ] && echo multi || echo single)" -cpu "${cpu:-max}")
	fi
}

# The TPM, in place of one that an earlier QEMU used.
start_tpm() {
	if [ -n "$swtpm" ]; then
		kill "$swtpm" 2>/dev/null || true
		wait "$swtpm" || true
	fi
	rm -f "$run/tpm"
	swtpm socket --tpm2 --tpmstate "dir=$tpm" --ctrl "type=unixio,path=$run/tpm" \
		--terminate >"$run/swtpm" 2>&1 &
	swtpm=$!
	while [ ! -S "$run/tpm" ]; do
		kill -0 "$swtpm" 2>/dev/null || die "swtpm: $(cat "$run/swtpm")"
		sleep 0.05
	done
}

add_uefi() {
	local firmware=/usr/share/OVMF code=OVMF_CODE_4M.fd vars=OVMF_VARS_4M.fd
	if [ -n "$secure_boot" ]; then
		code=OVMF_CODE_4M.secboot.fd vars=OVMF_VARS_4M.snakeoil.fd
		# Without SMM this firmware does not start: nothing would protect its variables.
		qemu+=(-machine smm=on -global driver=cfi.pflash01,property=secure,value=on)
	fi
	[ -e "$uefi" ] || cp "$firmware/$vars" "$uefi"
	qemu+=(-drive "if=pflash,format=raw,unit=0,read-only=on,file=$firmware/$code"
		-drive "if=pflash,format=raw,unit=1,file=$(quoted "$uefi")")
}

# machine_disk FILE[,OPT=VAL...]
machine_disk() {
	local file=${1%%,*} options=() option log='' name node format=raw
	local device=virtio-blk-pci drive='' properties='' logical='' physical=''
	[ -e "$file" ] || die "no disk $file"
	name=${file##*/}
	node=disk$((disk_count++))
	case $1 in
	*,*) IFS=, read -ra options <<<"${1#*,}" ;;
	esac
	for option in "${options[@]}"; do
		case $option in
		format=*) format=${option#*=} ;;
		log=*) log=${option#*=} ;;
		device=*)
			device=${option#*=}
			# The newer emulator offers more than one path; the kernel hides a disk behind them then,
			# whose uevent udevadm waits for in vain. In QEMU 7.2 the parameter hinders.
			[ "$device" != nvme ] || paths=" nvme_core.multipath=N"
			;;
		serial=*) name=${option#*=} ;;
		cache=* | aio=* | discard=* | detect-zeroes=* | read-only=* | readonly=*)
			drive+=,$option
			;;
		*)
			properties+=,$option
			case $option in
			logical_block_size=*) logical=${option#*=} ;;
			physical_block_size=*) physical=${option#*=} ;;
			esac
			;;
		esac
	done
	# QEMU refuses a physical block (512 if nothing is said) that is the smaller one.
	if [ -n "$logical" ] && [ -z "$physical" ]; then
		properties+=,physical_block_size=$logical
	fi
	if [ -n "$log" ]; then
		: >>"$log"
		drive+=",driver=blklogwrites,file.driver=$format,file.file.driver=file"
		drive+=",file.file.filename=$(quoted "$file")"
		drive+=",log.driver=file,log.filename=$(quoted "$log")"
	else
		drive+=",format=$format,file=$(quoted "$file")"
	fi
	# virtio-blk has room for 20 characters of serial.
	qemu+=(-drive "if=none,id=$node$drive"
		-device "$device,drive=$node,serial=$(quoted "${name:0:20}")$properties")
}

add_channels() {
	qemu+=(-chardev "file,id=console,path=$console" -serial chardev:console
		-chardev "file,id=verdict,path=$run/verdict" -serial chardev:verdict
		-device virtio-serial-pci
		-chardev "file,id=log,path=$run/log"
		-device virtserialport,chardev=log,name=fve.log)
	if [ -n "$shell" ]; then
		qemu+=(-chardev stdio,id=out,signal=off -device virtconsole,chardev=out)
	else
		# Not stdio: QEMU would make the caller's stdout non-blocking.
		qemu+=(-chardev file,id=out,path=/dev/stdout
			-device virtserialport,chardev=out,name=fve.out)
	fi
	if [ -n "$stdin" ]; then
		qemu+=(-chardev "pipe,id=in,path=$run/in"
			-device virtserialport,chardev=in,name=fve.in)
	fi
	[ -z "$qmp" ] || qemu+=(-qmp "unix:$(quoted "$qmp"),server=on,wait=off")
}

# machine_prepare: all but the user's disks, which come first: they are /dev/vda, /dev/vdb, ... in
# their order.
machine_prepare() {
	local cmdline vmlinuz
	add_accelerator
	if [ -n "$tpm" ]; then
		qemu+=(-chardev "socket,id=tpm,path=$run/tpm" -tpmdev emulator,id=tpm0,chardev=tpm
			-device tpm-crb,tpmdev=tpm0)
	fi
	[ -z "$uefi" ] || add_uefi
	machine_disk "$image/root.ext4,read-only=on,serial=fve-root"
	machine_disk "$run/payload,read-only=on,serial=fve-payload"
	add_channels
	# loglevel 5: warnings reach the console at once, so that a crash does not take them along. The
	# rest of the log follows at the end. The crypto API's self-tests cost a second per boot.
	cmdline="console=ttyS0 no_timer_check loglevel=5 panic=-1 oops=panic printk.devkmsg=on cryptomgr.notests"
	[ "$emulator" = qemu-system-x86_64 ] || cmdline+=$paths
	# A counted clock jumps over every wait for the host's disk: no sign of a hung task.
	[ -z "$icount" ] || cmdline+=" sysctl.kernel.hung_task_timeout_secs=0"
	vmlinuz=$("$here/kernel" --print vmlinuz "$kernel")
	[ -z "$secure_boot" ] || vmlinuz=$("$here/sign" kernel "$vmlinuz")
	qemu+=(-kernel "$vmlinuz" -initrd "${initrd:-$image/initrd}"
		-append "$cmdline$append")
}

# Run QEMU. Sets status.
run_qemu() {
	status=0
	[ -z "$tpm" ] || start_tpm
	if [ -n "$shell" ]; then
		"$emulator" "${qemu[@]}" 2>"$run/qemu" || status=$?
	else
		set +e
		timeout --foreground -k 10 "$timeout" "$emulator" "${qemu[@]}" </dev/null 2>"$run/qemu" | cat
		status=${PIPESTATUS[0]}
		set -e
	fi
}

# The emulator has lost the guest's kernel while it booted: with several processors, an instruction
# that another processor just patched can still be seen as the trap that stood there meanwhile. No
# module is loaded then, not even those for the disks, so nothing of ours has run.
lost_at_boot() {
	[ ! -s "$run/verdict" ] && grep -aq 'Oops: int3' "$console" &&
		grep -aqE '^\[[^]]*\] Modules linked in:[[:space:]]*$' "$console"
}

# Run it. Sets status.
machine_run() {
	if [ -n "$stdin" ]; then
		mkfifo "$run/in.in" "$run/in.out"
		cat >"$run/in.in" <&0 &
		feeder=$!
	fi
	run_qemu
	if lost_at_boot; then
		echo "vm: the emulator lost the guest's kernel before the script began: once more" >&2
		run_qemu
	fi
}
