# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/vm/vm in User Mode Linux: the guest's kernel is a process of the host, at native speed.
#
#   ubda, ubdb     the base image and the payload
#   vda, vdb, ...  the user's disks, served by a qemu-storage-daemon over vhost-user
#   con0           the console; ttyS1 the verdict, ttyS2 output, ttyS3 the kernel log
#   tty1           the prompt of --shell
#   /fve/tpm       the TPM's state on the host, for a swtpm that runs in the guest (vtpm_proxy)
#
# The kernel and each process of the guest are processes of the host that wait for each other: on one
# processor, a switch between them is far faster than across two.
# shellcheck disable=SC2154,SC2034 # variables of tests/vm/vm

uml=() exports=() uml_disks=() storage='' uml_pid='' watchdog=''

# Refuse what it has not; what the guest gets besides.
machine_adapt() {
	[ -z "$icount$cpu$uefi$secure_boot$qmp$initrd$stdin" ] ||
		die "User Mode Linux has no --icount, --cpu, --uefi, --secure-boot, --qmp, --initrd, --stdin: --on qemu"
	case $kernel in
	*/* | *-uml | *-debug) ;;
	*) kernel+=-uml ;;
	esac
	[ -z "$tpm" ] || includes+=("$(command -v swtpm):/usr/bin/swtpm")
}

machine_end() {
	[ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null || true
	# It makes itself a session, and a signal that it could handle would make it panic.
	[ -z "$uml_pid" ] || pkill -KILL -s "$uml_pid" || true
	[ -z "$storage" ] || kill "$storage" 2>/dev/null || true
}

# machine_disk FILE[,OPT=VAL...]
machine_disk() {
	local file=${1%%,*} options=() option format=raw log='' export='' node
	[ -e "$file" ] || die "no disk $file"
	node=disk${#uml_disks[@]}
	case $1 in
	*,*) IFS=, read -ra options <<<"${1#*,}" ;;
	esac
	local writable=on file_options=''
	for option in "${options[@]}"; do
		case $option in
		format=*) format=${option#*=} ;;
		log=*) log=${option#*=} ;;
		logical_block_size=*) export+=,logical-block-size=${option#*=} ;;
		discard=*) file_options+=,discard=${option#*=} ;;
		cache=* | aio=* | serial=*) ;; # of the host's page cache and names: no difference here
		read-only=on | readonly=on) writable=off ;;
		*) die "User Mode Linux has no disk with $option: --on qemu" ;;
		esac
	done
	exports+=(--blockdev "driver=file,node-name=$node-file,filename=$(quoted "$file")$file_options")
	if [ -n "$log" ]; then
		: >>"$log"
		exports+=(--blockdev "driver=file,node-name=$node-log,filename=$(quoted "$log")"
			--blockdev "driver=blklogwrites,node-name=$node,file=$node-file,log=$node-log")
	else
		exports+=(--blockdev "driver=$format,node-name=$node,file=$node-file$file_options")
	fi
	exports+=(--export "vhost-user-blk,id=$node,node-name=$node,writable=$writable$export,addr.type=unix,addr.path=$run/$node")
	uml_disks+=("$run/$node")
	uml+=("virtio_uml.device=$run/$node:2") # 2: a block device (virtio's numbers)
}

# The processors that this process may use, one a line.
processors() {
	local range
	for range in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
		seq "${range%-*}" "${range#*-}"
	done
}

# Hold a processor that no other guest of this user has, of whatever tree, or else share one.
choose_processor() {
	local number lock
	for number in $(processors); do
		exec {lock}>"/dev/shm/fve-$UID-processor-$number"
		if flock -n "$lock"; then
			processor=$number
			return
		fi
		exec {lock}>&-
	done
	processor=$(processors | shuf -n 1)
}

# machine_prepare: all but the user's disks.
#
# What makes and removes devices waits for grace periods, which at a hundred timer ticks a second take long;
# expedited, they end as soon as they may.
machine_prepare() {
	local vmlinuz
	vmlinuz=$("$here/kernel" --print vmlinuz "$kernel")
	uml=("$vmlinuz" "mem=${memory}M" "initrd=$image/initrd" "uml_dir=$run" umid=guest
		"ubdar=$image/root.ext4" "ubdbr=$run/payload"
		"${uml[@]}"
		con=null ssl=null console=tty0 loglevel=5 panic=-1 oops=panic printk.devkmsg=on
		rcupdate.rcu_expedited=1)
	[ -z "$append" ] || read -ra append <<<"$append"
	uml+=("${append[@]}")
}

start_storage() {
	local disk
	[ ${#uml_disks[@]} -gt 0 ] || return 0
	qemu-storage-daemon "${exports[@]}" >"$run/storage" 2>&1 &
	storage=$!
	for disk in "${uml_disks[@]}"; do
		while [ ! -S "$disk" ]; do
			kill -0 "$storage" 2>/dev/null || die "qemu-storage-daemon: $(cat "$run/storage")"
			sleep 0.02
		done
	done
}

# Run it. Sets status: the program's, or 124 when the time was over.
machine_run() {
	local console_fd verdict_fd out_fd log_fd processor channels copiers=()
	choose_processor
	start_storage
	# The program's channels must be pipes.
	exec {console_fd}> >(exec cat >"$console")
	copiers+=($!)
	exec {verdict_fd}> >(exec cat >"$run/verdict")
	copiers+=($!)
	exec {log_fd}> >(exec cat >"$run/log")
	copiers+=($!)
	exec {out_fd}> >(exec cat)
	copiers+=($!)
	channels=("con0=null,fd:$console_fd" "ssl1=null,fd:$verdict_fd" "ssl2=null,fd:$out_fd" "ssl3=null,fd:$log_fd")
	[ -z "$shell" ] || channels+=("con1=fd:0,fd:1")
	status=0
	if [ -n "$shell" ]; then
		start_uml <&0 2>"$run/qemu" &
	else
		start_uml </dev/null >"$run/qemu" 2>&1 &
	fi
	uml_pid=$!
	if [ -z "$shell" ]; then
		watch &
		watchdog=$!
	fi
	wait "$uml_pid" 2>/dev/null || status=$?
	[ ! -e "$run/late" ] || status=124
	machine_end
	uml_pid='' watchdog='' storage=''
	exec {console_fd}>&- {verdict_fd}>&- {log_fd}>&- {out_fd}>&-
	wait "${copiers[@]}"
}

# Its memory is a file that it makes and removes: on a disk, each page would be written there.
start_uml() {
	TMPDIR=/dev/shm exec taskset -c "$processor" "${uml[@]}" "${channels[@]}"
}

# End it when the time is over.
watch() {
	local sleeper
	sleep "$timeout" &
	sleeper=$!
	trap 'kill "$sleeper"; exit' TERM
	wait "$sleeper"
	: >"$run/late"
	pkill -KILL -s "$uml_pid"
}
