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

/*
 * Whether a service's filter lets the packet in. An ICMP error is as good as the client that it is
 * about, since any router may have to send one, but for senders that are denied. The agent's
 * self-tests are nobody's.
 */
__noinline int client_permitted(struct xdp_md *ctx, const struct packet *packet, __u32 filter)
{
	struct address sender;

	if (!packet)
		return false;
	if (packet->odd & PACKET_SELF_TEST)
		return true;
	if (!(client_permission(&packet->flow.source, filter) & CLIENT_PERMITTED))
		return false;
	if (!(packet->odd & PACKET_ICMP_ERROR))
		return true;
	return read_sender(ctx, packet->link_length, packet->flow.is_ipv4, &sender) &&
	       !(client_permission(&sender, filter) & CLIENT_DENIED);
}

/* The same for a plain packet. */
__noinline int plain_client_permitted(struct xdp_md *ctx, __u32 is_ipv4, __u32 filter)
{
	struct address client;

	return read_sender(ctx, sizeof(struct ethhdr), is_ipv4, &client) &&
	       client_permission(&client, filter) & CLIENT_PERMITTED;
}

#endif
