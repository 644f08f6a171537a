/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ENCAP_H
#define ENCAP_H

#include "chance.h"
#include "checksum.h"
#include "next_hop.h"
#include "packet.h"
#include "tunnel.h"

#define SERVICE_SHIM (SERVICE_GRE | SERVICE_GUE)

static __always_inline __u32 encap_overhead(bool over_ipv4, __u16 service_flags)
{
	__u32 overhead = over_ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	if (service_flags & SERVICE_SHIM)
		overhead += service_flags & SERVICE_GRE ? SHIM_GRE : SHIM_GUE;
	return overhead;
}

static __always_inline __u8 inner_protocol(const struct packet *packet)
{
	return packet->flow.is_ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

/* The bits of the outer source that are the flow's. */
static __always_inline __u64 varied_source(const struct packet *packet,
					   const struct backend *backend)
{
	__u8 bits = backend->source_bits;

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

/* 'names' is constant: whether former owners are named, which only GUE can. */
static __always_inline bool encap_shim(struct xdp_md *ctx, const struct packet *packet, void *place,
				       enum shim shim, __u16 payload, bool over_ipv4, bool names)
{
	if (shim == SHIM_NONE)
		return true;
	if (place + shim > (void *)(long)ctx->data_end)
		return false;
	if (shim == SHIM_GRE)
		gre_write(place, inner_protocol(packet));
	else
		gue_write(place, inner_protocol(packet), payload, packet->hash);
	if (!names)
		return true;
	((struct gue_header *)place)->version_and_length =
		(chance_length(packet, over_ipv4)) / sizeof(__be32);
	return chance_write(ctx, packet, place + shim, over_ipv4);
}

/*
 * An outer packet that may be fragmented on its way needs an ID that no other one to the backend
 * has meanwhile: the clients' are no such, and the fragments of one datagram have theirs in common
 * (RFC 6864, section 4). Each CPU counts for itself.
 */
__noinline int next_outer_id(void)
{
	__u32 cpu = outer_id_cpu_bits ? bpf_get_smp_processor_id() : 0;
	struct outer_id *id = bpf_map_lookup_elem(&outer_ids, &cpu);

	return id ? bpf_htons(id->next++ << outer_id_cpu_bits | cpu) : 0;
}

static __always_inline enum verdict encap_in_ipv4(struct xdp_md *ctx, const struct packet *packet,
						  const struct backend *backend,
						  const struct next_hop *next_hop, enum shim shim,
						  bool names)
{
	__u32 between = shim + (names ? chance_length(packet, true) : 0);
	__be16 id = packet->dont_fragment ? packet->id : next_outer_id();
	__u32 sum = next_hop_checksum(next_hop);
	struct ethhdr *ethernet;
	struct iphdr *outer;
	__be32 source;
	__be16 length;
	__u8 protocol;

	if (!encap_grow(ctx, packet, sizeof(*outer) + between))
		return VERDICT_NO_HEADROOM;
	ethernet = (void *)(long)ctx->data;
	outer = (void *)(ethernet + 1);
	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;

	next_hop_write(ethernet, next_hop, bpf_htons(ETH_P_IP));
	source = address_ipv4(&backend->source);
	if (next_hop_flags(next_hop) & BACKEND_VARIED_SOURCE) {
		__be32 varied = bpf_htonl((__u32)varied_source(packet, backend));

		source |= varied;
		sum += (varied & 0xffff) + (varied >> 16);
	}
	length = bpf_htons(packet->length + sizeof(*outer) + between);
	protocol = shim_protocol(shim, inner_protocol(packet));
	outer->version = 4;
	outer->ihl = sizeof(*outer) / 4;
	outer->tos = packet->traffic_class;
	outer->tot_len = length;
	outer->id = id;
	outer->frag_off = packet->dont_fragment;
	outer->ttl = OUTER_HOP_LIMIT;
	outer->protocol = protocol;
	outer->saddr = source;
	outer->daddr = address_ipv4(&backend->address);
	outer->check = checksum_fold(sum + length + id + packet->dont_fragment +
				     bpf_htons(packet->traffic_class) + bpf_htons(protocol));
	if (!encap_shim(ctx, packet, outer + 1, shim, packet->length + between, true, names))
		return VERDICT_NO_HEADROOM;
	return VERDICT_FORWARDED;
}

static __always_inline enum verdict encap_in_ipv6(struct xdp_md *ctx, const struct packet *packet,
						  const struct backend *backend,
						  const struct next_hop *next_hop, enum shim shim,
						  bool names)
{
	__u32 between = shim + (names ? chance_length(packet, false) : 0);
	struct ethhdr *ethernet;
	struct ipv6hdr *outer;

	if (!encap_grow(ctx, packet, sizeof(*outer) + between))
		return VERDICT_NO_HEADROOM;
	ethernet = (void *)(long)ctx->data;
	outer = (void *)(ethernet + 1);
	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;

	next_hop_write(ethernet, next_hop, bpf_htons(ETH_P_IPV6));
	/* The flow label spreads tunnels over the underlay's paths (RFC 6438). */
	*(__be32 *)outer =
		bpf_htonl(6U << 28 | (__u32)packet->traffic_class << 20 | (packet->hash & 0xfffff));
	outer->payload_len = bpf_htons(packet->length + between);
	outer->nexthdr = shim_protocol(shim, inner_protocol(packet));
	outer->hop_limit = OUTER_HOP_LIMIT;
	address_to_ipv6(&outer->saddr, &backend->source);
	if (next_hop_flags(next_hop) & BACKEND_VARIED_SOURCE)
		*((__be64 *)&outer->saddr + 1) |= bpf_cpu_to_be64(varied_source(packet, backend));
	address_to_ipv6(&outer->daddr, &backend->address);
	if (!encap_shim(ctx, packet, outer + 1, shim, packet->length + between, false, names))
		return VERDICT_NO_HEADROOM;
	return VERDICT_FORWARDED;
}

static __always_inline enum verdict encap_in(struct xdp_md *ctx, const struct packet *packet,
					     const struct backend *backend,
					     const struct next_hop *next_hop, enum shim shim,
					     bool over_ipv4)
{
	if (over_ipv4)
		return encap_in_ipv4(ctx, packet, backend, next_hop, shim, false);
	return encap_in_ipv6(ctx, packet, backend, next_hop, shim, false);
}

__noinline int encap_gre(struct xdp_md *ctx, const struct packet *packet,
			 const struct backend *backend, const struct next_hop *next_hop)
{
	if (!packet || !backend || !next_hop)
		return VERDICT_NO_NEXT_HOP;
	return encap_in(ctx, packet, backend, next_hop, SHIM_GRE,
			address_is_ipv4(&backend->address));
}

__noinline int encap_gue(struct xdp_md *ctx, const struct packet *packet,
			 const struct backend *backend, const struct next_hop *next_hop)
{
	if (!packet || !backend || !next_hop)
		return VERDICT_NO_NEXT_HOP;
	return encap_in(ctx, packet, backend, next_hop, SHIM_GUE,
			address_is_ipv4(&backend->address));
}

/* In GUE that names former owners. */
__noinline int encap_chance(struct xdp_md *ctx, const struct packet *packet,
			    const struct backend *backend, const struct next_hop *next_hop)
{
	if (!packet || !backend || !next_hop)
		return VERDICT_NO_NEXT_HOP;
	if (address_is_ipv4(&backend->address))
		return encap_in_ipv4(ctx, packet, backend, next_hop, SHIM_GUE, true);
	return encap_in_ipv6(ctx, packet, backend, next_hop, SHIM_GUE, true);
}

/* Wraps the packet in outer headers from this machine to the backend, in any mix of families. */
static __always_inline enum verdict encap(struct xdp_md *ctx, const struct packet *packet,
					  const struct backend *backend,
					  const struct next_hop *next_hop, __u16 service_flags,
					  bool over_ipv4, enum way way)
{
	if (way == GENERAL && packet->hop_count)
		return encap_chance(ctx, packet, backend, next_hop);
	if (!(service_flags & SERVICE_SHIM))
		return encap_in(ctx, packet, backend, next_hop, SHIM_NONE, over_ipv4);
	if (way == PLAIN)
		return service_flags & SERVICE_GRE
			       ? encap_in(ctx, packet, backend, next_hop, SHIM_GRE, over_ipv4)
			       : encap_in(ctx, packet, backend, next_hop, SHIM_GUE, over_ipv4);
	return service_flags & SERVICE_GRE ? encap_gre(ctx, packet, backend, next_hop)
					   : encap_gue(ctx, packet, backend, next_hop);
}

#endif
