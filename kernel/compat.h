/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions; no other file names one. Each block says since when the
 * kernel differs and why. The code that includes this is written for the newest kernel.
 */
#ifndef FVE_COMPAT_H
#define FVE_COMPAT_H

#include <linux/version.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/interrupt.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "dm-fve needs Linux 6.1 or newer"
#endif

/*
 * Since 6.9 a work item can run in softirq context, and tasklets are on their way out. A bottom
 * half here is one such item; it may be scheduled from hard-irq context and never runs twice at
 * the same time.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)

struct fve_bh {
	struct work_struct work;
};

#define FVE_BH_FUNCTION(function, type, member)                  \
	static void function##_bh(struct work_struct *work)      \
	{                                                        \
		function(container_of(work, type, member.work)); \
	}

#define fve_bh_init(bh, function) INIT_WORK(&(bh)->work, function##_bh)

static inline void fve_bh_schedule(struct fve_bh *bh)
{
	queue_work(system_bh_wq, &bh->work);
}

static inline void fve_bh_flush(struct fve_bh *bh)
{
	flush_work(&bh->work);
}

#else

struct fve_bh {
	struct tasklet_struct tasklet;
};

#define FVE_BH_FUNCTION(function, type, member)                        \
	static void function##_bh(struct tasklet_struct *tasklet)      \
	{                                                              \
		function(container_of(tasklet, type, member.tasklet)); \
	}

#define fve_bh_init(bh, function) tasklet_setup(&(bh)->tasklet, function##_bh)

static inline void fve_bh_schedule(struct fve_bh *bh)
{
	tasklet_hi_schedule(&bh->tasklet);
}

static inline void fve_bh_flush(struct fve_bh *bh)
{
	tasklet_kill(&bh->tasklet);
}

#endif

/* Since 6.7 shrinkers are allocated by the memory management and freed through RCU. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)

static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

static inline void shrinker_register(struct shrinker *shrinker)
{
	/* A failure is not fatal: the cache is then never shrunk. */
	if (register_shrinker(shrinker, "dm-fve"))
		pr_warn("dm-fve: page cache has no shrinker\n");
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}

#endif

/* Since 6.10 dm_accept_partial_bio() stops the kernel where it is given a write of a zoned device.
 */
#define FVE_ZONED_WRITES_ARE_CUT (LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0))

/*
 * Since 6.10 the kernel's own AES-XTS for x86-64 uses VAES, and AVX where there is none. It still
 * encrypts the tweak of each data unit alone, which for small units costs more than the rest. A
 * unit of 4096 bytes is as fast with it. User Mode Linux has generic code alone.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0) && !defined(CONFIG_UML)
#define FVE_X86_FASTER_BELOW 4096
#else
#define FVE_X86_FASTER_BELOW UINT_MAX
#endif

#ifdef FVE_X86

#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

#ifdef CONFIG_UML

/*
 * In User Mode Linux the kernel is a process, whose vector registers the host saves. Programs are
 * other processes, and their registers are read and set by ptrace. What interrupts the kernel is a
 * signal: the host's signal frame holds all vector registers, and the handler switches to no other
 * thread before it returns. A switch, kernel_longjmp(), restores only what a function has to
 * preserve, and of these registers that is none. So in an FPU section nobody may switch, and that
 * is all. Its own is empty, which would let a section sleep.
 *
 * boot_cpu_has() has the flags of the host, which shows none whose registers it does not save.
 */
#undef kernel_fpu_begin
#undef kernel_fpu_end
#define kernel_fpu_begin()		     preempt_disable()
#define kernel_fpu_end()		     preempt_enable()
#define cpu_has_xfeatures(features, missing) true

static inline bool fve_zmm_slows_cpu(void)
{
	return false;
}

#else

#include <asm/fpu/xstate.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)

/* Since 6.15 the kernel knows on which CPUs its own code should not use registers of 64 bytes. */
static inline bool fve_zmm_slows_cpu(void)
{
	return boot_cpu_has(X86_FEATURE_PREFER_YMM);
}

#else

/*
 * The same CPUs, whose clock slows down for them: Intel's Skylake, Ice Lake and Tiger Lake. Family
 * and models are those of zmm_exclusion_list in arch/x86/kernel/cpu/intel.c of Linux 6.15.
 */
static inline bool fve_zmm_slows_cpu(void)
{
	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL || boot_cpu_data.x86 != 6)
		return false;
	switch (boot_cpu_data.x86_model) {
	case 0x55: /* Skylake server */
	case 0x6a: /* Ice Lake server */
	case 0x6c:
	case 0x7d: /* Ice Lake client */
	case 0x7e:
	case 0x9d: /* Ice Lake NNP-I */
	case 0x8c: /* Tiger Lake */
	case 0x8d:
		return true;
	}
	return false;
}

#endif

#endif

#endif

/*
 * Since 6.14 a target says whether it passes atomic writes on, and then gets them. They must not be
 * cut, so none may be larger than what is.
 */
#ifdef DM_TARGET_ATOMIC_WRITES

#define FVE_REQ_ATOMIC REQ_ATOMIC

static inline void fve_limit_atomic_writes(struct queue_limits *limits, unsigned int most)
{
	limits->atomic_write_hw_max = min(limits->atomic_write_hw_max, most);
	limits->atomic_write_hw_unit_max = min(limits->atomic_write_hw_unit_max, most);
}

#else

#define DM_TARGET_ATOMIC_WRITES 0
#define FVE_REQ_ATOMIC		0

static inline void fve_limit_atomic_writes(struct queue_limits *limits, unsigned int most)
{
}

#endif

#endif
