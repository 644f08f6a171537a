/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include "packet.h"

/* The two words of a backend's entry that the agent may store while packets read: each is read
 * once. */
struct next_hop {
	__u64 destination_mac; /* low 6 bytes */
	__u64 source_mac;
	__u16 outer_checksum;
};

static __always_inline enum verdict next_hop_read(struct xdp_md *ctx, const struct backend *backend,
						  struct next_hop *next_hop)
{
	__u64 destination = READ_ONCE(*(const __u64 *)backend->next_hop_mac);
	__u64 source = READ_ONCE(*(const __u64 *)backend->interface_mac);

	if (!(destination >> 48 & BACKEND_NEXT_HOP) || backend->interface != ctx->ingress_ifindex)
		return VERDICT_NO_NEXT_HOP;
	next_hop->destination_mac = destination;
	next_hop->source_mac = source;
	next_hop->outer_checksum = source >> 48;
	return VERDICT_NONE;
}

static __always_inline void next_hop_write(struct ethhdr *ethernet, const struct next_hop *next_hop,
					   __be16 protocol)
{
	__builtin_memcpy(ethernet->h_dest, &next_hop->destination_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, &next_hop->source_mac, ETH_ALEN);
	ethernet->h_proto = protocol;
}

#endif
