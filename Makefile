# SPDX-License-Identifier: LGPL-2.1-or-later
# The one human entry. `make help` lists the targets. Everything is built under build/.

VERSION := 0.1.0
comma	:= ,
PREFIX	?= /usr
DESTDIR	?=
BUILD	:= build
V	?= 0

# Kernels that `make check` and `make demo` build for and boot, by Debian's series. 7.3 works too.
KERNELS	?= 6.1 6.12
# User Mode Linux of the same sources: a test that can runs on 6.12-uml instead of 6.12, and with sanitizers.
# 6.1-debug can be asked for, too.
UML_KERNELS ?= 6.12-uml 6.1-uml 6.12-debug
# And the next release with its own kernel, for the tests that ask for it.
SUITES	?= trixie
# Kernel build directory for `make modules`; the running kernel's where it has one.
KDIR	?= $(wildcard /lib/modules/$(shell uname -r)/build)

ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

.PHONY: all
all: userspace $(if $(KDIR),modules,no-module) ## the tool, and the module where the kernel's headers are

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Variables: KDIR=DIR  KERNELS="6.1 6.12"  PREFIX=/usr  DESTDIR=  V=1  WERROR=1'

# --- kernel module ---------------------------------------------------------------------------
# The sources are copied to build/<release>/src and built there, so that several kernels
# do not meet in one directory. $(1) kbuild directory, $(2) where to, $(3) extra make arguments.

kernel_sources := Kbuild $(wildcard kernel/*)

define build_module
	$(Q)mkdir -p $(2)/src/kernel
	$(Q)cp -u Kbuild $(2)/src/ && cp -u kernel/* $(2)/src/kernel/
	$(call say,KBUILD,$(2)/dm-fve.ko)
	+$(Q)$(MAKE) -s -C $(1) M=$(abspath $(2))/src CONFIG_DEBUG_INFO_BTF_MODULES= $(3) modules
	$(Q)cmp -s $(2)/src/kernel/dm-fve.ko $(2)/dm-fve.ko || cp $(2)/src/kernel/dm-fve.ko $(2)/dm-fve.ko

endef

# What uname -r will say. "make kernelrelease" says something else in Debian's header packages.
kdir_release = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)

.PHONY: modules
ifneq ($(KDIR),)
modules: $(kernel_sources) ## dm-fve.ko for KDIR
	$(call build_module,$(KDIR),$(BUILD)/$(kdir_release))
else
modules: no-module
	@exit 1
endif

# Who wants to use this gets no kernel downloaded; `make check` has its own, test-modules.
.PHONY: no-module
no-module:
	@echo 'No module was built: there are no headers of the running kernel. Install them, and make again:'
	@echo '    sudo apt-get install linux-headers-$(shell uname -r)'
	@echo 'or name them: KDIR=/lib/modules/RELEASE/build. Without the module dm-crypt opens the volumes.'

# One rule for each kernel of the test matrix.
test_modules := $(KERNELS:%=test-module-%)
uml_modules  := $(UML_KERNELS:%=test-module-%)
.PHONY: test-modules $(test_modules) $(uml_modules)
test-modules: $(test_modules)
$(test_modules) $(uml_modules): test-module-%: $(kernel_sources)
	$(call build_module,$(shell tests/vm/kernel --print kbuild $*),$(BUILD)/$(shell tests/vm/kernel --print release $*),$(MODULE_ARGS) $(if $(filter %-uml %-debug,$*),ARCH=um))

# Kernels of User Mode Linux, from Debian's sources: ten minutes of processor time for each, once. Without one
# its tests run in QEMU, and tests/run says so.
.PHONY: uml-kernels uml-modules
uml-kernels: packages
	$(Q)for kernel in $(UML_KERNELS); do tests/vm/kernel $$kernel >/dev/null || \
		echo "no $$kernel: its tests run in QEMU"; done
# Those that are there, and run on this host.
built_uml    := $(foreach k,$(UML_KERNELS),$(if $(shell tests/vm/uml/kernel --have $k $(BUILD)/kernels/$k && echo yes),$k))
uml-modules: $(built_uml:%=test-module-%)

# The same with a deliberate fault: the IV off by one (tests/host/t_fault_iv.sh fails on it), and
# no memory but the reserve (tests/host/t_fault_pages.sh must pass with it).
# In User Mode Linux, where a kernel of it was built.
fault_kernels := $(foreach k,$(KERNELS),$(or $(filter $k-uml,$(built_uml)),$k))
fault_modules := $(fault_kernels:%=fault-module-%)
.PHONY: fault-modules $(fault_modules)
fault-modules: $(fault_modules)
$(fault_modules): fault-module-%: $(kernel_sources)
	$(call build_module,$(shell tests/vm/kernel --print kbuild $*),$(BUILD)/fault/$(shell tests/vm/kernel --print release $*),FVE_BREAK_IV=1 $(if $(filter %-uml,$*),ARCH=um))
	$(call build_module,$(shell tests/vm/kernel --print kbuild $*),$(BUILD)/fault-pages/$(shell tests/vm/kernel --print release $*),FVE_BREAK_PAGES=1 $(if $(filter %-uml,$*),ARCH=um))

# And with a wrong engine of our own, in all its widths or the wide ones, for the kernel that gains most by
# it; in the widest alone for User Mode Linux, which has it where the host does.
fault_engines := $(firstword $(KERNELS:%=fault-engine-%))
fault_widest  := $(patsubst %,fault-widest-%,$(filter 6.12-uml,$(built_uml)))
.PHONY: $(fault_engines) $(fault_widest)
fault-modules: $(fault_engines) $(fault_widest)
$(fault_engines): fault-engine-%: $(kernel_sources)
	$(call build_module,$(shell tests/vm/kernel --print kbuild $*),$(BUILD)/fault-engine/$(shell tests/vm/kernel --print release $*),FVE_BREAK_ENGINE=1)
	$(call build_module,$(shell tests/vm/kernel --print kbuild $*),$(BUILD)/fault-engine-wide/$(shell tests/vm/kernel --print release $*),FVE_BREAK_ENGINE=32)
$(fault_widest): fault-widest-%: $(kernel_sources)
	$(call build_module,$(shell tests/vm/kernel --print kbuild $*),$(BUILD)/fault-engine-widest/$(shell tests/vm/kernel --print release $*),FVE_BREAK_ENGINE=64 ARCH=um)

# For the debug kernels: tests/fault/kernel/NAME.c says in a line "wraps: FUNCTION..." which functions
# of the module it replaces, for calls from other files.
kernel_faults := $(patsubst tests/fault/kernel/%.c,%,$(wildcard tests/fault/kernel/*.c))
debug_faults  := $(foreach k,$(filter %-debug,$(built_uml)),$(kernel_faults:%=debug-fault-%@$k))
.PHONY: debug-faults $(debug_faults)
debug-faults: $(debug_faults)
$(debug_faults): debug-fault-%: $(kernel_sources)
	$(Q)install -D -m 644 tests/fault/kernel/$(fault).c $(fault_dir)/src/kernel/fault.c
	$(call build_module,$(shell tests/vm/kernel --print kbuild $(lastword $(subst @, ,$*))),$(fault_dir),ARCH=um FVE_BREAK_CALLS="$(shell sed -n 's/^ \* wraps: //p' tests/fault/kernel/$(fault).c)")
fault = $(firstword $(subst @, ,$*))
fault_dir = $(BUILD)/fault/$(fault)/$(shell tests/vm/kernel --print release $(lastword $(subst @, ,$*)))

# --- libfve and fvesetup ---------------------------------------------------------------------

CC	 ?= gcc
PKGS	 := libcryptsetup devmapper tss2-esys tss2-mu tss2-rc tss2-tctildr libkmod libcrypto json-c blkid libargon2 libkcapi
CFLAGS	 ?= -O2 -g
# A compiler that is newer than this tree may warn of more: that stops a developer, and no package's build.
WARN	 := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wformat=2 $(if $(WERROR),-Werror)
HARDEN	 := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CPPFLAGS += -D_GNU_SOURCE -DFVE_VERSION='"$(VERSION)"' -Iuserspace -Iuserspace/lib
FVE_CFLAGS = -std=gnu11 $(WARN) $(shell pkg-config --cflags $(PKGS) p11-kit-1)
FVE_LIBS   = $(shell pkg-config --libs $(PKGS))
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g

# Only for the machine whose instructions they are.
other_machine := $(if $(filter x86_64,$(shell uname -m)),,tests/unit/test_engine_x86.c)
lib_sources := $(wildcard userspace/lib/*.c userspace/lib/*/*.c)
cli_sources := $(wildcard userspace/cli/*.c userspace/cli/*/*.c)
providers   := $(BUILD)/fve-provider-pkcs11 $(BUILD)/fve-provider-kmip $(BUILD)/fve-provider-azure \
	$(BUILD)/fve-provider-aws $(BUILD)/fve-provider-tang
unit_tests  := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(filter-out $(other_machine),$(wildcard tests/unit/test_*.c)))
tools	    := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))

completions := $(BUILD)/fvesetup.bash $(BUILD)/_fvesetup $(BUILD)/fvesetup.fish

.PHONY: userspace
userspace: $(BUILD)/fvesetup $(providers) $(BUILD)/fvesetup.8 $(BUILD)/fvetab.5 $(completions) ## build/fvesetup, its providers, man pages and completion

$(BUILD)/obj/%.o: userspace/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(HARDEN) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/san/%.o: userspace/%.c
	$(call say,CC,$< (sanitized))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

# Not "r", by which the second of two files of one name, in two folders, replaces the first.
$(BUILD)/libfve.a: $(lib_sources:userspace/%.c=$(BUILD)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(BUILD)/san/libfve.a: $(lib_sources:userspace/%.c=$(BUILD)/san/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(BUILD)/fvesetup: $(cli_sources:userspace/%.c=$(BUILD)/obj/%.o) $(BUILD)/libfve.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ $(FVE_LIBS)

$(BUILD)/san/fvesetup: $(cli_sources:userspace/%.c=$(BUILD)/san/%.o) $(BUILD)/san/libfve.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(FVE_LIBS)

# Providers: only what each one needs is linked to it, since it is loaded together with a vendor's.
PROVIDER_PKGS_pkcs11 := p11-kit-1
PROVIDER_PKGS_kmip   := libssl
PROVIDER_PKGS_azure  := libcurl
PROVIDER_PKGS_aws    := libcurl
PROVIDER_PKGS_tang   := libcurl
$(BUILD)/fve-provider-pkcs11: $(BUILD)/obj/provider/allowed.o $(BUILD)/obj/provider/pin_source.o
$(BUILD)/san/fve-provider-pkcs11: $(BUILD)/san/provider/allowed.o $(BUILD)/san/provider/pin_source.o
$(BUILD)/fve-provider-kmip: $(BUILD)/obj/provider/tls.o
$(BUILD)/san/fve-provider-kmip: $(BUILD)/san/provider/tls.o
# What providers of cloud services share.
cloud	    := answer_json http identity text
azure_parts := azure_token azure_wire $(cloud)
$(BUILD)/fve-provider-azure: $(azure_parts:%=$(BUILD)/obj/provider/%.o)
$(BUILD)/san/fve-provider-azure: $(azure_parts:%=$(BUILD)/san/provider/%.o)
aws_parts   := aws_wire $(cloud)
$(BUILD)/fve-provider-aws: $(aws_parts:%=$(BUILD)/obj/provider/%.o)
$(BUILD)/san/fve-provider-aws: $(aws_parts:%=$(BUILD)/san/provider/%.o)
tang_parts  := allowed answer_json http tang_wire text
$(BUILD)/fve-provider-tang: $(tang_parts:%=$(BUILD)/obj/provider/%.o)
$(BUILD)/san/fve-provider-tang: $(tang_parts:%=$(BUILD)/san/provider/%.o)

$(BUILD)/fve-provider-%: $(BUILD)/obj/provider/%.o $(BUILD)/obj/provider/serve.o $(BUILD)/libfve.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(FVE_LIBS) \
		$(if $(PROVIDER_PKGS_$*),$(shell pkg-config --libs $(PROVIDER_PKGS_$*)))

$(BUILD)/san/fve-provider-%: $(BUILD)/san/provider/%.o $(BUILD)/san/provider/serve.o $(BUILD)/san/libfve.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) -Wl,--as-needed -o $@ $(filter %.o,$^) $(filter %.a,$^) $(FVE_LIBS) \
		$(if $(PROVIDER_PKGS_$*),$(shell pkg-config --libs $(PROVIDER_PKGS_$*)))

# The tool with a deliberate fault each, to show what would come of it: tests/fault/NAME.c says in
# a line "wraps: FUNCTION..." which functions of libfve it replaces.
faults := $(patsubst tests/fault/%.c,$(BUILD)/fault/fvesetup-%,$(wildcard tests/fault/*.c))

$(BUILD)/fault/fvesetup-%: tests/fault/%.c $(cli_sources:userspace/%.c=$(BUILD)/obj/%.o) $(BUILD)/libfve.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(CFLAGS) \
		$(patsubst %,-Wl$(comma)--wrap=%,$(shell sed -n 's/^ \* wraps: //p' $<)) -o $@ $^ $(FVE_LIBS)

$(BUILD)/unit/%: tests/unit/%.c tests/unit/test.h $(BUILD)/san/libfve.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(SANITIZE) -Itests/unit -o $@ $< $(BUILD)/san/libfve.a $(FVE_LIBS)

# The module's engine x86, assembled for user space: it is tested and measured there too.
cipher_flags := -Itests/bench/cipher_shim -Ikernel
$(BUILD)/cipher/engine_x86_asm.o: $(wildcard kernel/engine_x86_*.S) $(wildcard kernel/engine_x86_*.h tests/bench/cipher_shim/*.h tests/bench/cipher_shim/linux/*.h)
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(cipher_flags) -c -o $@ kernel/engine_x86_asm.S

$(BUILD)/unit/test_engine_x86: tests/unit/test_engine_x86.c tests/unit/test.h $(BUILD)/cipher/engine_x86_asm.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(SANITIZE) -Itests/unit $(cipher_flags) -o $@ $< $(BUILD)/cipher/engine_x86_asm.o -lcrypto

$(BUILD)/cipher/bench: tests/bench/cipher.c $(BUILD)/cipher/engine_x86_asm.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(CFLAGS) $(cipher_flags) -o $@ $< $(BUILD)/cipher/engine_x86_asm.o -lcrypto -lkcapi

$(BUILD)/cipher/count: tests/bench/cipher_count.c $(BUILD)/cipher/engine_x86_asm.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(CFLAGS) $(cipher_flags) -o $@ $< $(BUILD)/cipher/engine_x86_asm.o

$(BUILD)/tools/%: tests/tools/%.c $(BUILD)/libfve.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(FVE_CFLAGS) $(CFLAGS) -Wl,--as-needed -o $@ $< $(BUILD)/libfve.a $(FVE_LIBS) -lp11-kit -lpthread

# What --help, the man page and the completion say comes from the same tables, by this tool.
$(BUILD)/fill: $(BUILD)/obj/man/fill.o $(filter-out %/main.o,$(cli_sources:userspace/%.c=$(BUILD)/obj/%.o)) $(BUILD)/libfve.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie $(LDFLAGS) -o $@ $^ $(FVE_LIBS)

$(BUILD)/fvesetup.8: userspace/man/fvesetup.8.scd $(BUILD)/fill
	$(call say,SCDOC,$@)
	$(Q)$(BUILD)/fill < $< > $@.scd && scdoc < $@.scd | sed '/^\.TH /a .nh' > $@

$(BUILD)/fvetab.5: userspace/man/fvetab.5.scd
	$(call say,SCDOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)scdoc < $< > $@

$(completions): $(BUILD)/%: userspace/completion/% $(BUILD)/fill
	$(call say,FILL,$@)
	$(Q)$(BUILD)/fill < $< > $@

# Fuzz targets by libFuzzer, which is clang's.
FUZZ_CC	  ?= clang
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
FUZZ_WRAP_fuzz_header := -Wl,--wrap=crypt_volume_key_get
fuzz_targets := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(BUILD)/fuzz/obj/%.o: userspace/%.c
	$(call say,CC,$< (fuzzing))
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FVE_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/libfve.a: $(lib_sources:userspace/%.c=$(BUILD)/fuzz/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

# Parsers of a provider.
fuzz_azure_parts := $(addprefix $(BUILD)/fuzz/obj/provider/,azure_wire.o answer_json.o text.o)
fuzz_aws_parts	 := $(addprefix $(BUILD)/fuzz/obj/provider/,aws_wire.o answer_json.o text.o)
fuzz_tang_parts	 := $(addprefix $(BUILD)/fuzz/obj/provider/,tang_wire.o answer_json.o text.o)
$(BUILD)/fuzz/fuzz_azure: $(fuzz_azure_parts)
$(BUILD)/fuzz/fuzz_aws: $(fuzz_aws_parts)
$(BUILD)/fuzz/fuzz_tang: $(fuzz_tang_parts)

$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(BUILD)/fuzz/libfve.a
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FVE_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer $(FUZZ_WRAP_$*) -o $@ $< $(filter %.o,$^) $(BUILD)/fuzz/libfve.a $(FVE_LIBS)

-include $(shell find $(BUILD)/obj $(BUILD)/san $(BUILD)/fuzz -name '*.d' 2>/dev/null)

# --- tests -----------------------------------------------------------------------------------
# Only tests/deps installs anything; everything after it builds and runs.

# What a goal builds before it tests: on all processors, unless make was told how many, and a warning is an error.
submake = $(MAKE) --no-print-directory WERROR=1 $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: deps-build
deps-build: ## the packages that fvesetup is built with, by name
	$(Q)tests/deps source

.PHONY: deps packages demo-deps
deps: packages uml-kernels ## what building and testing need: packages, by name, and kernels of User Mode Linux
packages:
	$(Q)tests/deps
demo-deps:
	$(Q)tests/deps demo

.PHONY: test-programs
test-programs: $(fuzz_targets) $(unit_tests) $(tools) $(BUILD)/fvesetup $(BUILD)/san/fvesetup $(faults) \
	$(providers) $(providers:$(BUILD)/%=$(BUILD)/san/%)

.PHONY: check
check: deps ## lint, unit, host and VM tests on all KERNELS
	+$(Q)$(submake) userspace test-programs test-modules uml-modules fault-modules debug-faults
	+$(Q)$(submake) test-modules KERNELS='$(SUITES)'
	$(Q)tests/lint $(KERNELS)
	$(Q)KERNELS='$(KERNELS) $(filter %-debug,$(UML_KERNELS)) $(SUITES)' tests/run

# On User Mode Linux where it is there.
fast_kernel = $(firstword $(patsubst %-uml,%,$(filter %-uml,$(built_uml))) $(KERNELS))
.PHONY: check-fast
check-fast: packages ## lint, unit, host and one VM smoke test: before each commit
	+$(Q)$(submake) userspace test-programs test-modules uml-modules KERNELS=$(fast_kernel)
	$(Q)tests/lint $(fast_kernel)
	$(Q)KERNELS='$(fast_kernel)' tests/run $(if $(filter %-uml,$(built_uml)),--on uml) --group unit --group fast --group smoke

.PHONY: check-sdk
check-sdk: ## hold the stand-ins of cloud services against the vendors' own clients, from npm
	$(Q)tests/deps sdk
	+$(Q)$(submake) $(BUILD)/tools/provider_probe
	$(Q)tests/sdk/run

.PHONY: fuzz
FUZZ_TIME ?= 60
fuzz: packages ## fuzz each parser for FUZZ_TIME seconds
	+$(Q)$(submake) $(fuzz_targets)
	$(Q)tests/fuzz/run --time $(FUZZ_TIME)

.PHONY: soak
soak: packages ## the long figures: every write cut, every call failed, 500 kills, every byte of a header, 10^6 I/Os; and the packages; hours
	+$(Q)$(submake) userspace test-programs test-modules
	$(Q)FVE_CUTS=1 FVE_KILLS=500 FVE_BYTES=all FVE_UNLOCKS=200 FVE_POWER_CUTS=200 tests/run cut header_bytes bus header_powercut
	$(Q)FVE_MACHINES=200 FVE_KILLS=500 tests/run policy_fleet
	$(Q)FVE_OUTAGES=100 FVE_KILLS=50 FVE_TENANTS=64 FVE_POLICIES=8 tests/run policy policy_cloud policy_roll policy_roll_mounted tenant tenant_thin
	$(Q)FVE_INJECT=1 tests/run inject
	$(Q)tests/run packages
	$(Q)for engine in x86-ymm x86-xmm kapi-simd kapi; do FVE_QEMU=$$(tests/vm/qemu) FVE_USE_ENGINE=$$engine \
		tests/run --on qemu kernel_races kernel_memory kernel_revoke kernel_residue || exit 1; done
	$(if $(built_uml),$(Q)for engine in x86 x86-xmm kapi; do FVE_USE_ENGINE=$$engine \
		tests/run $(built_uml:%=--kernel %) kernel_random_long kernel_races kernel_revoke || exit 1; done)
	$(if $(filter 6.12-debug,$(built_uml)),$(Q)FVE_FAULT_EVERY=1 tests/run --kernel 6.12-debug kernel_faults)
	$(Q)KERNELS='$(KERNELS)' tests/soak

# What is built on a Debian 12 runs on both; what is built on a 13 does not run on a 12.
boot_suites = trixie $(filter bookworm,$(shell . /etc/os-release && echo $$VERSION_CODENAME))
.PHONY: boot-tests
boot-tests: packages ## all boots of an installed Debian 13, and of a 12 on a 12, by UEFI with a TPM; four hours
	+$(Q)$(submake) userspace test-programs test-modules
	$(Q)result=0; for suite in $(boot_suites); do FVE_BOOT_ALL=1 FVE_SUITE=$$suite \
		tests/run --jobs 1 $(notdir $(wildcard tests/boot/t_*.sh)) || result=1; done; exit $$result

.PHONY: lint
lint: packages ## all linters
	$(Q)tests/lint $(KERNELS)

.PHONY: demo
demo: demo-deps ## a Debian root opens itself, until somebody changes how the machine boots
	+$(Q)$(submake) userspace test-modules KERNELS=$(firstword $(KERNELS))
	+$(Q)$(submake) $(BUILD)/tools/volume_keys $(BUILD)/tools/xts_file
	$(Q)tests/demo/demo --kernel $(firstword $(KERNELS))

.PHONY: bench
bench: packages ## instructions per I/O, fve beside dm-crypt and dm-linear
	+$(Q)$(submake) userspace test-modules
	$(Q)tests/bench/bench $(KERNELS)

.PHONY: bench-cipher
CIPHER_RUNS ?= 100000
bench-cipher: packages ## cycles per byte and instructions of engine x86, beside OpenSSL, after CIPHER_RUNS random runs
	+$(Q)$(submake) $(BUILD)/unit/test_engine_x86 $(BUILD)/cipher/bench $(BUILD)/cipher/count
	$(Q)FVE_CIPHER_RUNS=$(CIPHER_RUNS) $(BUILD)/unit/test_engine_x86
	$(Q)$(BUILD)/cipher/count
	$(Q)$(BUILD)/cipher/bench

# --- install ---------------------------------------------------------------------------------
# The one list of what install puts where, each "MODE FILE PLACE"; uninstall removes just these,
# and the Debian packages are made of them (debian/*.install). dracut, systemd and udev look
# in one place only, whatever PREFIX says.

sbindir	  := $(PREFIX)/sbin
mandir	  := $(PREFIX)/share/man
dracutdir ?= /usr/lib/dracut/modules.d
systemddir ?= /usr/lib/systemd
udevdir	  ?= /usr/lib/udev

installed := 755 $(BUILD)/fvesetup $(sbindir)/fvesetup
installed += $(foreach f,$(providers),755 $(f) /usr/lib/fve/$(notdir $(f)))
installed += 644 $(BUILD)/fvesetup.8 $(mandir)/man8/fvesetup.8
installed += 644 $(BUILD)/fvesetup.bash $(PREFIX)/share/bash-completion/completions/fvesetup
# Where each shell looks; fish and zsh have this place for what is no part of them.
installed += 644 $(BUILD)/_fvesetup $(PREFIX)/share/zsh/vendor-completions/_fvesetup
installed += 644 $(BUILD)/fvesetup.fish $(PREFIX)/share/fish/vendor_completions.d/fvesetup.fish
installed += 644 $(BUILD)/fvetab.5 $(mandir)/man5/fvetab.5
# The man pages and --help name these.
installed += $(foreach f,$(wildcard docs/*.md),644 $(f) $(PREFIX)/share/doc/fvesetup/$(notdir $(f)))
installed += $(foreach f,$(wildcard userspace/systemd/*.service userspace/systemd/*.target userspace/systemd/*.timer userspace/systemd/*.path),644 $(f) $(systemddir)/system/$(notdir $(f)))
installed += 644 userspace/prometheus/fve-alerts.yml $(PREFIX)/share/fve/fve-alerts.yml
installed += 755 userspace/systemd/fve-generator $(systemddir)/system-generators/fve-generator
installed += 644 userspace/systemd/61-fve.rules $(udevdir)/rules.d/61-fve.rules
installed += $(foreach f,$(wildcard dracut/9*/*.sh),755 $(f) $(dracutdir)/$(f:dracut/%=%))
installed += $(foreach f,$(filter-out %.sh,$(wildcard dracut/9*/*)),644 $(f) $(dracutdir)/$(f:dracut/%=%))
# A shell of the booted system: before it, what nobody opened is locked where root has no password.
installed += $(foreach f,emergency rescue,644 dracut/90fve/lock-first.conf $(systemddir)/system/$(f).service.d/50-fve.conf)

# What follows a kernel: the TPM is told of the coming boot. Under /etc, whatever PREFIX says.
installed += 755 dracut/hooks/fve-approve /usr/lib/fve/fve-approve
installed += 755 dracut/hooks/kernel-postinst /etc/kernel/postinst.d/zzz-fve
installed += 755 dracut/hooks/kernel-postrm /etc/kernel/postrm.d/zzz-fve
installed += 755 dracut/hooks/header-postinst /etc/kernel/header_postinst.d/zzz-fve
installed += 644 dracut/hooks/default /etc/default/fve

# What an administrator fills: PINs, certificates, orders; packets on their way out. For root alone, and
# as they are where they are there.
filled_dirs := /etc/fve /var/spool/fve

# Directories of ours; uninstall removes them where nobody else has a file in them.
own_dirs  := $(dracutdir)/90fve $(dracutdir)/91fve-begin $(dracutdir)/99zz-fve /usr/lib/fve $(PREFIX)/share/doc/fvesetup $(PREFIX)/share/fve \
	$(systemddir)/system/emergency.service.d $(systemddir)/system/rescue.service.d $(filled_dirs)

.PHONY: install
install: userspace ## everything; the module where the headers are
	$(Q)set -- $(installed); while [ $$# -gt 0 ]; do \
		printf '  %-7s %s\n' INSTALL "$(DESTDIR)$$3"; \
		install -D -m "$$1" "$$2" "$(DESTDIR)$$3" || exit; shift 3; done
	$(Q)for dir in $(filled_dirs); do \
		[ -d "$(DESTDIR)$$dir" ] || install -d -m 700 "$(DESTDIR)$$dir" || exit; done
ifneq ($(KDIR),)
	$(Q)$(MAKE) --no-print-directory modules
	$(Q)install -D -m 644 $(BUILD)/$(kdir_release)/dm-fve.ko \
		"$(DESTDIR)/lib/modules/$(kdir_release)/updates/dm-fve.ko"
	$(Q)[ -n "$(DESTDIR)" ] || depmod $(kdir_release)
else
	$(Q)[ -n "$(DESTDIR)" ] || $(MAKE) -s --no-print-directory no-module
endif

.PHONY: uninstall
uninstall: ## remove what install put there, and the module for every kernel
	$(Q)set -- $(installed); while [ $$# -gt 0 ]; do rm -f "$(DESTDIR)$$3"; shift 3; done
	$(Q)for dir in $(own_dirs); do [ ! -d "$(DESTDIR)$$dir" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$dir" || exit; done
	$(Q)for module in "$(DESTDIR)"/lib/modules/*/updates/dm-fve.ko; do [ ! -e "$$module" ] || { \
		rm -f "$$module"; dir=$${module%/*}; rmdir --ignore-fail-on-non-empty "$$dir"; \
		[ -n "$(DESTDIR)" ] || depmod "$$(basename "$${dir%/updates}")"; }; done

# Debian's tools build in the tree and leave the packages beside it, hence a copy.
deb_tree := $(BUILD)/deb/dm-fve-$(VERSION)
.PHONY: deb
deb: ## Debian packages, source and binary, in build/deb
	$(Q)tests/deps deb
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(deb_tree)
	$(Q)tar -c --exclude=./$(BUILD) --exclude=./.git . | tar -x -C $(deb_tree)
	$(Q)[ "$$(dpkg-parsechangelog -l debian/changelog -S Version)" = $(VERSION) ] || \
		{ echo 'debian/changelog does not end with version $(VERSION)' >&2; exit 1; }
	$(Q)cd $(deb_tree) && dpkg-buildpackage -us -uc $(if $(filter 0,$(V)),>../log 2>&1 || { tail -n 30 ../log; exit 1; })
	$(Q)ls $(BUILD)/deb/*.deb $(BUILD)/deb/*.dsc

.PHONY: clean
clean: ## remove build/, but for the unpacked kernels
	$(Q)if [ -d $(BUILD) ]; then find $(BUILD) -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} +; fi
