// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long others wait for CPU `cpu`, for the benchmark. Two threads ask every millisecond:
 *
 *   item_us    an item on the CPU's system_highpri_wq, from being queued until it begins
 *   thread_us  a thread of the highest priority, from its timer until it runs: the longest stretch
 *              in which the CPU did not reschedule
 *
 * /sys/module/probe/parameters/ has the longest since it was last read, waits that are not over
 * included.
 */

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#define PERIOD NSEC_PER_MSEC

static unsigned int cpu;
module_param(cpu, uint, 0444);

struct wait {
	u64 since; /* ns; 0: nobody waits */
	u64 longest;
};

static struct wait item, thread;
static struct work_struct work;
static DECLARE_COMPLETION(begun);
static struct task_struct *asker, *sleeper;

static void wait_over(struct wait *wait, u64 now)
{
	if (now > wait->since)
		WRITE_ONCE(wait->longest, max(wait->longest, now - wait->since));
	WRITE_ONCE(wait->since, 0);
}

static int longest_get(char *text, const struct kernel_param *param)
{
	struct wait *wait = param->arg;
	u64 since = READ_ONCE(wait->since), now = ktime_get_ns();
	u64 longest = max(READ_ONCE(wait->longest), since && now > since ? now - since : 0);

	WRITE_ONCE(wait->longest, 0);
	return sysfs_emit(text, "%llu\n", longest / NSEC_PER_USEC);
}

static const struct kernel_param_ops longest_ops = {.get = longest_get};
module_param_cb(item_us, &longest_ops, &item, 0444);
module_param_cb(thread_us, &longest_ops, &thread, 0444);

static void work_begins(struct work_struct *unused)
{
	wait_over(&item, ktime_get_ns());
	complete(&begun);
}

static int ask(void *unused)
{
	while (!kthread_should_stop()) {
		WRITE_ONCE(item.since, ktime_get_ns());
		queue_work_on(cpu, system_highpri_wq, &work);
		wait_for_completion(&begun);
		usleep_range(1000, 1000);
	}
	return 0;
}

static int sleep(void *unused)
{
	sched_set_fifo(current);
	while (!kthread_should_stop()) {
		ktime_t end = ktime_add_ns(ktime_get(), PERIOD);

		WRITE_ONCE(thread.since, ktime_to_ns(end));
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_hrtimeout(&end, HRTIMER_MODE_ABS);
		wait_over(&thread, ktime_get_ns());
	}
	return 0;
}

static int __init probe_init(void)
{
	INIT_WORK(&work, work_begins);
	asker = kthread_run(ask, NULL, "probe_ask");
	if (IS_ERR(asker))
		return PTR_ERR(asker);
	sleeper = kthread_create_on_cpu(sleep, NULL, cpu, "probe_sleep/%u");
	if (IS_ERR(sleeper)) {
		kthread_stop(asker);
		return PTR_ERR(sleeper);
	}
	wake_up_process(sleeper);
	return 0;
}

static void __exit probe_exit(void)
{
	kthread_stop(sleeper);
	kthread_stop(asker);
}

module_init(probe_init);
module_exit(probe_exit);

MODULE_DESCRIPTION("how long others wait for a CPU");
MODULE_LICENSE("GPL");
