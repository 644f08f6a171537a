/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPF_CLIENT_FILTER_H
#define BPF_CLIENT_FILTER_H

#include "packet.h"

/* What the filter says of an address. */
static __always_inline __u32 client_permission(const struct address *address, __u32 filter)
{
	struct client_prefix key = {
		.length = CLIENT_PREFIX_FILTER_BITS + 8 * sizeof(struct address),
		.filter = filter,
		.address = *address,
	};
	const struct client_permission *permission = bpf_map_lookup_elem(&clients, &key);

	return permission ? permission->flags : CLIENT_PERMITTED;
}

/* Who sent the packet, which of an ICMP error is not 'flow.source'. */
static __always_inline bool packet_sender(struct xdp_md *ctx, const struct packet *packet,
					  struct address *sender)
{
	const void *header = (void *)(long)ctx->data + packet->link_length;
	const void *end = (void *)(long)ctx->data_end;
	const struct ipv6hdr *ipv6 = header;
	const struct iphdr *ipv4 = header;

	if (packet->flow.is_ipv4) {
		if ((void *)(ipv4 + 1) > end)
			return false;
		address_from_ipv4(sender, ipv4->saddr);
	} else {
		if ((void *)(ipv6 + 1) > end)
			return false;
		address_from_ipv6(sender, &ipv6->saddr);
	}
	return true;
}

/*
 * Whether a service's filter lets the packet in. An ICMP error is as good as the client that it is
 * about, since any router may have to send one, but for senders that are denied. The agent's
 * proofs are nobody's.
 */
__noinline int client_permitted(struct xdp_md *ctx, const struct packet *packet, __u32 filter)
{
	struct address sender;

	if (!packet)
		return false;
	if (packet->odd & PACKET_PROOF)
		return true;
	if (!(client_permission(&packet->flow.source, filter) & CLIENT_PERMITTED))
		return false;
	if (!(packet->odd & PACKET_ICMP_ERROR))
		return true;
	return packet_sender(ctx, packet, &sender) &&
	       !(client_permission(&sender, filter) & CLIENT_DENIED);
}

#endif
