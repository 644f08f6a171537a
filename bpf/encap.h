/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ENCAP_H
#define ENCAP_H

#include "next_hop.h"
#include "packet.h"

#define OUTER_HOP_LIMIT 64

static __always_inline __u16 checksum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u8 inner_protocol(const struct packet *packet)
{
	return packet->flow.is_ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

static __always_inline enum verdict encap_in_ipv4(struct xdp_md *ctx, const struct packet *packet,
						  const struct backend *backend,
						  const struct next_hop *next_hop)
{
	struct ethhdr *ethernet;
	struct iphdr *outer;
	__u8 protocol = inner_protocol(packet);
	__be16 length = bpf_htons(packet->length + sizeof(*outer));

	if (packet->length > 0xffff - sizeof(*outer))
		return VERDICT_TOO_LONG;
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*outer)))
		return VERDICT_NO_HEADROOM;
	ethernet = (void *)(long)ctx->data;
	outer = (void *)(ethernet + 1);
	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;

	next_hop_write(ethernet, next_hop, bpf_htons(ETH_P_IP));
	outer->version = 4;
	outer->ihl = sizeof(*outer) / 4;
	outer->tos = packet->traffic_class;
	outer->tot_len = length;
	outer->id = packet->id;
	outer->frag_off = packet->dont_fragment;
	outer->ttl = OUTER_HOP_LIMIT;
	outer->protocol = protocol;
	outer->saddr = address_ipv4(&backend->source);
	outer->daddr = address_ipv4(&backend->address);
	outer->check = checksum_fold(next_hop->outer_checksum + length + packet->id +
				     packet->dont_fragment + bpf_htons(packet->traffic_class) +
				     bpf_htons(protocol));
	return VERDICT_FORWARDED;
}

static __always_inline enum verdict encap_in_ipv6(struct xdp_md *ctx, const struct packet *packet,
						  const struct backend *backend,
						  const struct next_hop *next_hop)
{
	struct ethhdr *ethernet;
	struct ipv6hdr *outer;

	if (packet->length > 0xffff)
		return VERDICT_TOO_LONG;
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*outer)))
		return VERDICT_NO_HEADROOM;
	ethernet = (void *)(long)ctx->data;
	outer = (void *)(ethernet + 1);
	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;

	next_hop_write(ethernet, next_hop, bpf_htons(ETH_P_IPV6));
	/* The flow label spreads tunnels over the underlay's paths (RFC 6438). */
	*(__be32 *)outer =
		bpf_htonl(6U << 28 | (__u32)packet->traffic_class << 20 | (packet->hash & 0xfffff));
	outer->payload_len = bpf_htons(packet->length);
	outer->nexthdr = inner_protocol(packet);
	outer->hop_limit = OUTER_HOP_LIMIT;
	address_to_ipv6(&outer->saddr, &backend->source);
	address_to_ipv6(&outer->daddr, &backend->address);
	return VERDICT_FORWARDED;
}

/* Wraps the packet in an outer IP header from this machine to the backend, in any mix of families.
 */
static __always_inline enum verdict encap_ipip(struct xdp_md *ctx, const struct packet *packet,
					       const struct backend *backend,
					       const struct next_hop *next_hop)
{
	if (address_is_ipv4(&backend->address))
		return encap_in_ipv4(ctx, packet, backend, next_hop);
	return encap_in_ipv6(ctx, packet, backend, next_hop);
}

#endif
