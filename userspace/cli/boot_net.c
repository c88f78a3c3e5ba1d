// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking the servers of tpm2-net beside a person. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "cli/boot_net.h"
#include "protector/tpm2_net.h"

#define PAUSE_S 1 /* between two rounds of questions */

struct boot_net {
	struct net_share share;
	struct secret *answer; /* shared with the process that asks */
	pid_t asking;
	int answered[2]; /* a pipe: a byte when @answer is there. Both ends stay open here */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- the process that asks ------------------------------------------------------------------- */

/* One round; 0: the answer is in the shared page, and that is told. */
static int ask_once(const struct boot_net *net, int deadline_ms, struct refusal *ret_refusal)
{
	_cleanup_secret_ struct secret *network = NULL;
	int r = net_share_ask(&net->share, deadline_ms, &network, ret_refusal);

	if (r < 0)
		return r;
	memcpy(net->answer->data, network->data, net->answer->size);
	return write(net->answered[1], "", 1) == 1 ? 0 : -EIO;
}

/*
 * Ask until a server has answered, or the time is over. Servers that cannot be reached are no news
 * while the network comes up; what else they say is told when it changes.
 */
static void __attribute__((noreturn))
ask_all(const struct boot_net *net, uint32_t timeout_s, const struct unlock *how)
{
	int64_t left = (int64_t)timeout_s * 1000, end = now_ms() + left;
	struct refusal refusal = {0};
	enum reason told = REASON_KEY_UNREACHABLE;

	do {
		int deadline_ms = keypolicy_deadline_ms();

		if (timeout_s && left < deadline_ms)
			deadline_ms = (int)left;
		if (ask_once(net, deadline_ms, &refusal) == 0)
			_exit(0);
		if (refusal.reason != told)
			how->refused(how->data, &net->share.protector, &refusal);
		told = refusal.reason;
		sleep(PAUSE_S);
		left = end - now_ms();
	} while (!timeout_s || left > 0);
	if (refusal.reason == REASON_KEY_UNREACHABLE)
		how->refused(how->data, &net->share.protector, &refusal);
	_exit(1);
}

/* --- who waits for it ------------------------------------------------------------------------ */

void boot_net_free(struct boot_volume *volume)
{
	struct boot_net *net = volume->net;

	if (!net)
		return;
	volume->net = NULL;
	if (net->asking > 0) {
		kill(net->asking, SIGKILL);
		waitpid(net->asking, NULL, 0);
	}
	for (int i = 0; i < 2; i++)
		if (net->answered[i] >= 0)
			close(net->answered[i]);
	secret_free(net->answer);
	net_share_free(&net->share);
	free(net);
}

int boot_net_answered(const struct boot_volume *volume)
{
	return volume->net ? volume->net->answered[0] : 0;
}

/* Take the TPM's share of the first protector that it releases one of. */
static int take_share(const struct boot *boot, const struct boot_volume *volume,
		      const struct unlock *how, struct net_share *ret)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(volume->header, list);

	for (int i = 0; i < n; i++) {
		struct refusal refusal = refusal_of(&list[i]);

		if (!kind_has(list[i].kind, KIND_NET) ||
		    (volume->entry->kinds && !(volume->entry->kinds & 1u << list[i].kind)))
			continue;
		if (list[i].health == REASON_NONE &&
		    net_share_take(volume->header, &list[i], boot->args->unlock.tcti, ret,
				   &refusal) == 0)
			return 0;
		net_share_free(ret);
		if (refusal.reason != REASON_NONE)
			how->refused(how->data, &list[i], &refusal);
	}
	return -EPERM;
}

static int begin(struct boot_net *net, uint32_t timeout_s, const struct unlock *how)
{
	_cleanup_close_ int page = -1;
	pid_t parent = getpid();

	net->answer = secret_shared_new(NETWORK_KEY_SIZE, &page);
	if (!net->answer || pipe2(net->answered, O_CLOEXEC) < 0)
		return -ENOMEM;
	fflush(stdout);
	net->asking = fork();
	if (net->asking == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTSTP, SIG_IGN); /* as at the prompt: ^Z stops neither */
		if (getppid() != parent)
			_exit(1);
		ask_all(net, timeout_s, how);
	}
	return net->asking < 0 ? -errno : 0;
}

void boot_net_start(const struct boot *boot, struct boot_volume *volume, const struct unlock *how)
{
	uint32_t timeout_s = boot_chosen(volume->entry->net_timeout_s, BOOT_NET_TIMEOUT_S);
	struct boot_net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return;
	net->answered[0] = net->answered[1] = -1;
	volume->net = net;
	r = take_share(boot, volume, how, &net->share);
	if (r == 0) {
		r = begin(net, timeout_s, how);
		if (r < 0)
			log_error("cannot ask the servers of %s: %s", volume->entry->name,
				  strerror(-r));
	}
	if (r < 0)
		boot_net_free(volume);
	else
		log_notice("%s (%s): its servers in the network are asked.", volume->entry->name,
			   header_path(volume->header));
}

int boot_net_open(struct boot_volume *volume, const struct unlock *how)
{
	struct refusal refusal = {0};
	struct boot_net *net = volume->net;
	int r = net_share_open(volume->header, &net->share, net->answer, &volume->fvek,
			       &refusal.reason);

	if (r < 0 && refusal.reason != REASON_NONE)
		how->refused(how->data, &net->share.protector, &refusal);
	if (r == 0)
		r = unlock_check_machine(volume->header, how, &net->share.protector, &volume->fvek);
	if (r < 0)
		volume->fvek = NULL;
	else
		volume->used = net->share.protector;
	boot_net_free(volume);
	return r;
}

int boot_net_wait(struct boot_volume *volume, const struct unlock *how)
{
	int status = -1;

	while (waitpid(volume->net->asking, &status, 0) < 0)
		if (errno != EINTR)
			break;
	volume->net->asking = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return boot_net_open(volume, how);
	boot_net_free(volume);
	return -EPERM;
}
