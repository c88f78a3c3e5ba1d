/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TPM and the network as protector, in its three steps: the TPM releases its share, any of the
 * servers gives the network's, and both open. The steps are apart for the boot, which caps the TPM
 * after the first and asks a person during the second. No function here prints a message.
 */
#pragma once

#include "protector/refusal.h"

#define NETWORK_KEY_SIZE 32 /* bytes of what the servers give */

/* What the TPM has released of one protector. */
struct net_share {
	struct protector protector;
	struct token_tpm2 token; /* owned */
	struct secret *key;	 /* owned; useless without what the servers give */
};

void net_share_free(struct net_share *share);
#define _cleanup_net_share_ __attribute__((cleanup(net_share_free)))

/* On an error @ret_refusal says why. The caller frees the share in any case. */
int net_share_take(const struct header *header, const struct protector *protector, const char *tcti,
		   struct net_share *ret, struct refusal *ret_refusal);

/*
 * Ask the servers once, for at most @deadline_ms. The addresses are the header's: only those that
 * this machine's administrator allows for headers are asked (docs/provider.md).
 */
int net_share_ask(const struct net_share *share, int deadline_ms, struct secret **ret_network,
		  struct refusal *ret_refusal);

/* Open the volume by both. */
int net_share_open(struct header *header, const struct net_share *share,
		   const struct secret *network, struct secret **ret_fvek, enum reason *ret_reason);
