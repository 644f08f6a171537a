/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ENCAP_H
#define ENCAP_H

#include "checksum.h"
#include "next_hop.h"
#include "packet.h"
#include "tunnel.h"

#define OUTER_HOP_LIMIT 64

static __always_inline __u32 encap_overhead(const struct backend *backend, __u16 service_flags)
{
	__u32 overhead =
		address_is_ipv4(&backend->address) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	if (service_flags & SERVICE_GRE)
		overhead += SHIM_GRE;
	if (service_flags & SERVICE_GUE)
		overhead += SHIM_GUE;
	return overhead;
}

static __always_inline __u8 inner_protocol(const struct packet *packet)
{
	return packet->flow.is_ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

/* The bits of the outer source that are the flow's. */
static __always_inline __u64 varied_source(const struct packet *packet,
					   const struct backend *backend,
					   const struct next_hop *next_hop)
{
	__u8 bits = backend->source_bits;

	if (!(next_hop->flags & BACKEND_VARIED_SOURCE))
		return 0;
	return bits < 64 ? packet->hash & ((1ULL << bits) - 1) : packet->hash;
}

/* Makes room in front of the IP packet for the outer headers and an Ethernet header without tags.
 */
static __always_inline bool encap_grow(struct xdp_md *ctx, const struct packet *packet,
				       __u32 overhead)
{
	return !bpf_xdp_adjust_head(ctx, (int)packet->link_length - (int)sizeof(struct ethhdr) -
						 (int)overhead);
}

static __always_inline bool encap_shim(struct xdp_md *ctx, const struct packet *packet, void *place,
				       enum shim shim, __u16 payload)
{
	if (shim == SHIM_NONE)
		return true;
	if (place + shim > (void *)(long)ctx->data_end)
		return false;
	if (shim == SHIM_GRE)
		gre_write(place, inner_protocol(packet));
	else
		gue_write(place, inner_protocol(packet), payload, packet->hash);
	return true;
}

static __always_inline enum verdict encap_in_ipv4(struct xdp_md *ctx, const struct packet *packet,
						  const struct backend *backend,
						  const struct next_hop *next_hop, enum shim shim)
{
	struct ethhdr *ethernet;
	struct iphdr *outer;
	__u8 protocol = shim_protocol(shim, inner_protocol(packet));
	__be16 length = bpf_htons(packet->length + sizeof(*outer) + shim);
	__be32 varied = bpf_htonl((__u32)varied_source(packet, backend, next_hop));

	if (!encap_grow(ctx, packet, sizeof(*outer) + shim))
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
	outer->saddr = address_ipv4(&backend->source) | varied;
	outer->daddr = address_ipv4(&backend->address);
	outer->check = checksum_fold(next_hop->outer_checksum + length + packet->id +
				     packet->dont_fragment + bpf_htons(packet->traffic_class) +
				     bpf_htons(protocol) + (varied & 0xffff) + (varied >> 16));
	if (!encap_shim(ctx, packet, outer + 1, shim, packet->length + shim))
		return VERDICT_NO_HEADROOM;
	return VERDICT_FORWARDED;
}

static __always_inline enum verdict encap_in_ipv6(struct xdp_md *ctx, const struct packet *packet,
						  const struct backend *backend,
						  const struct next_hop *next_hop, enum shim shim)
{
	__u64 varied = varied_source(packet, backend, next_hop);
	struct ethhdr *ethernet;
	struct ipv6hdr *outer;

	if (!encap_grow(ctx, packet, sizeof(*outer) + shim))
		return VERDICT_NO_HEADROOM;
	ethernet = (void *)(long)ctx->data;
	outer = (void *)(ethernet + 1);
	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;

	next_hop_write(ethernet, next_hop, bpf_htons(ETH_P_IPV6));
	/* The flow label spreads tunnels over the underlay's paths (RFC 6438). */
	*(__be32 *)outer =
		bpf_htonl(6U << 28 | (__u32)packet->traffic_class << 20 | (packet->hash & 0xfffff));
	outer->payload_len = bpf_htons(packet->length + shim);
	outer->nexthdr = shim_protocol(shim, inner_protocol(packet));
	outer->hop_limit = OUTER_HOP_LIMIT;
	address_to_ipv6(&outer->saddr, &backend->source);
	if (varied)
		*((__be64 *)&outer->saddr + 1) |= bpf_cpu_to_be64(varied);
	address_to_ipv6(&outer->daddr, &backend->address);
	if (!encap_shim(ctx, packet, outer + 1, shim, packet->length + shim))
		return VERDICT_NO_HEADROOM;
	return VERDICT_FORWARDED;
}

static __always_inline enum verdict encap_in(struct xdp_md *ctx, const struct packet *packet,
					     const struct backend *backend,
					     const struct next_hop *next_hop, enum shim shim)
{
	if (address_is_ipv4(&backend->address))
		return encap_in_ipv4(ctx, packet, backend, next_hop, shim);
	return encap_in_ipv6(ctx, packet, backend, next_hop, shim);
}

__noinline int encap_gre(struct xdp_md *ctx, const struct packet *packet,
			 const struct backend *backend, const struct next_hop *next_hop)
{
	if (!packet || !backend || !next_hop)
		return VERDICT_NO_NEXT_HOP;
	return encap_in(ctx, packet, backend, next_hop, SHIM_GRE);
}

__noinline int encap_gue(struct xdp_md *ctx, const struct packet *packet,
			 const struct backend *backend, const struct next_hop *next_hop)
{
	if (!packet || !backend || !next_hop)
		return VERDICT_NO_NEXT_HOP;
	return encap_in(ctx, packet, backend, next_hop, SHIM_GUE);
}

/* Wraps the packet in outer headers from this machine to the backend, in any mix of families. */
static __always_inline enum verdict encap(struct xdp_md *ctx, const struct packet *packet,
					  const struct backend *backend,
					  const struct next_hop *next_hop, __u16 service_flags)
{
	if (service_flags & SERVICE_GRE)
		return encap_gre(ctx, packet, backend, next_hop);
	if (service_flags & SERVICE_GUE)
		return encap_gue(ctx, packet, backend, next_hop);
	return encap_in(ctx, packet, backend, next_hop, SHIM_NONE);
}

#endif
