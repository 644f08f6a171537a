/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SOURCE_H
#define SOURCE_H

#include "ipv6_extension.h"
#include "packet.h"

/*
 * Sources that no client behind a router can have (RFC 1122, section 3.2.1.3; RFC 1812, section
 * 5.3.7; RFC 3927, section 2.7; RFC 4291, section 2.5). Nearly every packet has none of the odd
 * beginnings, and is not looked at any closer.
 */

/* 1 where an IPv4 address that begins so may be none of a client's. */
static const __u8 odd_beginning[256] = {
	[0] = 1, [127] = 1, [169] = 1, [224 ... 239] = 1, [255] = 1,
};

static __always_inline bool source_is_odd_ipv4(__be32 source, __be32 destination)
{
	return odd_beginning[source & 0xff] || source == destination;
}

/* All but global unicast addresses (2000::/3) of another host than the VIP's. */
static __always_inline bool source_is_odd_ipv6(const struct flow *flow)
{
	const abi_word *source = (const abi_word *)flow->source.bytes;
	const abi_word *destination = (const abi_word *)flow->destination.bytes;

	return (source[0] & 0xe0) != 0x20 ||
	       !((source[0] ^ destination[0]) | (source[1] ^ destination[1]));
}

/*
 * Whether the agent made the frame, for a test run: its Ethernet source is a secret that no frame
 * on a link has carried. It is a group address, which a switch would not even let pass.
 */
static __always_inline bool source_is_agent(struct xdp_md *ctx)
{
	const struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u64 sender = 0;

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return false;
	__builtin_memcpy(&sender, ethernet->h_source, ETH_ALEN);
	return self_test_source && sender == self_test_source;
}

/* VERDICT_NONE: a client may have it, or the agent. */
__noinline int judge_ipv4_source(struct xdp_md *ctx, struct packet *packet)
{
	__be32 source;

	if (!packet)
		return VERDICT_IMPOSSIBLE_SOURCE;
	source = address_ipv4(&packet->flow.source);
	if (!source && source_is_agent(ctx)) {
		packet->odd |= PACKET_SELF_TEST;
		return VERDICT_NONE;
	}
	if (source == address_ipv4(&packet->flow.destination) || source == ~0U)
		return VERDICT_IMPOSSIBLE_SOURCE;
	switch (source & 0xff) {
	case 169:
		return (source & 0xffff) == bpf_htons(0xa9fe) ? VERDICT_IMPOSSIBLE_SOURCE
							      : VERDICT_NONE;
	case 0:
	case 127:
	case 224 ... 239:
		return VERDICT_IMPOSSIBLE_SOURCE;
	default:
		return VERDICT_NONE;
	}
}

/* What a neighbour may say to this host from an address of the link: nothing but ICMPv6. */
static __always_inline bool may_be_link_local(const struct packet *packet)
{
	return packet->flow.protocol == IPPROTO_ICMPV6 && !(packet->odd & PACKET_FRAGMENT);
}

/* The same; for a link-local source also if its headers are still to be followed. */
__noinline int judge_ipv6_source(struct xdp_md *ctx, struct packet *packet)
{
	const abi_word *source, *destination;

	if (!packet)
		return VERDICT_IMPOSSIBLE_SOURCE;
	source = (const abi_word *)packet->flow.source.bytes;
	destination = (const abi_word *)packet->flow.destination.bytes;
	if (!source[0]) {
		if (!source[1] && source_is_agent(ctx)) {
			packet->odd |= PACKET_SELF_TEST;
			return VERDICT_NONE;
		}
		if (!source[1] || source[1] == LOOPBACK || address_is_ipv4(&packet->flow.source))
			return VERDICT_IMPOSSIBLE_SOURCE;
	}
	if ((source[0] & 0xff) == 0xff)
		return VERDICT_IMPOSSIBLE_SOURCE;
	if (source[0] == destination[0] && source[1] == destination[1])
		return VERDICT_IMPOSSIBLE_SOURCE;
	if ((source[0] & 0xc0ff) == 0x80fe) {
		packet->odd |= PACKET_LINK_LOCAL;
		if (!may_be_link_local(packet) && !is_ipv6_extension(packet->flow.protocol))
			return VERDICT_IMPOSSIBLE_SOURCE;
	}
	return VERDICT_NONE;
}

#endif
