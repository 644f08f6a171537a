// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The backend's side: takes the outer header off packets that a configured balancer sent for a
 * configured VIP, and passes everything, unwrapped or not, to the host's own stack; but for what
 * RFC 6040 has it drop. A packet that names former owners of its slot, and is not of a flow of this
 * host's, is handed on to the next of them.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/abi.h>
#include <guideway/decap.h>

#include "address.h"
#include "checksum.h"
#include "hand_on.h"
#include "ipv4.h"
#include "tunnel.h"
#include "tunnelled.h"

/* Written by `guideway backend`, read here. Balancers' sources are prefixes, as these may vary
 * inside one. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DECAP_BALANCERS_MAX);
	__type(key, struct decap_prefix);
	__type(value, __u32);
} decap_sources SEC(".maps");

/* Written by `guideway backend`, read here. Single addresses, apart from the prefixes: a hash is
 * faster than a trie. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DECAP_VIPS_MAX);
	__type(key, struct address);
	__type(value, __u32);
} decap_vips SEC(".maps");

/* Written by `guideway backend`, read here: pools, whose addresses are all served. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DECAP_VIP_PREFIXES_MAX);
	__type(key, struct decap_prefix);
	__type(value, __u32);
} decap_vip_prefixes SEC(".maps");

/* Packets by enum decap_verdict. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_VERDICT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} decap_stats SEC(".maps");

static __always_inline bool is_in(void *prefixes, const struct address *address)
{
	struct decap_prefix key = {
		.length = DECAP_PREFIX_PADDING_BITS + 8 * sizeof(*address),
		.address = *address,
	};

	return bpf_map_lookup_elem(prefixes, &key);
}

static __always_inline bool is_vip(const struct address *address)
{
	return bpf_map_lookup_elem(&decap_vips, address) || is_in(&decap_vip_prefixes, address);
}

#define ECN_MASK 3

/* RFC 3168, section 5. */
enum ecn {
	ECN_NOT_ECT = 0,
	ECN_ECT_1 = 1,
	ECN_ECT_0 = 2,
	ECN_CE = 3,
};

static __always_inline bool read_outer_ip(struct ethhdr *ethernet, void *end,
					  struct tunnelled *packet)
{
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *outer = (void *)(ethernet + 1);

		if ((void *)(outer + 1) > end || outer->version != 4 || outer->ihl != 5)
			return false;
		address_from_ipv4(&packet->balancer, outer->saddr);
		packet->inner = outer + 1;
		packet->outer_protocol = outer->protocol;
		packet->outer_ecn = outer->tos & ECN_MASK;
		packet->fragment = outer->frag_off & IPV4_FRAGMENT;
		packet->hop_limit = outer->ttl;
		packet->over_ipv4 = true;
		packet->length = sizeof(*outer);
		return true;
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *outer = (void *)(ethernet + 1);

		if ((void *)(outer + 1) > end || outer->version != 6)
			return false;
		address_from_ipv6(&packet->balancer, &outer->saddr);
		packet->inner = outer + 1;
		packet->outer_protocol = outer->nexthdr;
		packet->outer_ecn = bpf_ntohs(*(__be16 *)outer) >> 4 & ECN_MASK;
		packet->hop_limit = outer->hop_limit;
		packet->length = sizeof(*outer);
		return true;
	}
	return false;
}

static __always_inline bool is_tunnel(__u8 protocol)
{
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6 || protocol == IPPROTO_GRE ||
	       protocol == IPPROTO_UDP;
}

#define GUE_LENGTH_MASK                                                                            \
	0x1f /* of private data, in words of 4 bytes; above it version and control */

/* Reads GUE with its private data: chance format 1, or nothing. Words of a hop more or less are no
 * such list. */
static __always_inline bool read_gue(struct xdp_md *ctx, struct tunnelled *packet, void *end)
{
	const struct gue_header *gue = packet->inner;
	const struct chance_header *chance = (void *)(gue + 1);
	__u32 length;

	if ((void *)(gue + 1) > end || gue->udp.dest != bpf_htons(GUE_PORT) ||
	    gue->version_and_length & ~GUE_LENGTH_MASK || gue->flags)
		return false;
	length = (gue->version_and_length & GUE_LENGTH_MASK) * sizeof(__be32);
	packet->inner_protocol = gue->protocol;
	packet->inner = (void *)(gue + 1) + length;
	packet->length += sizeof(*gue) + length;
	if (!length)
		return true;
	packet->chance = (void *)chance - (void *)(long)ctx->data;
	packet->bad_chance = true;
	if ((void *)(chance + 1) > end || packet->inner > end || chance->count > CHANCE_HOPS_MAX)
		return true;
	packet->next = chance->next;
	packet->hops = chance->count;
	packet->bad_chance =
		packet->over_ipv4
			? chance->type != bpf_htons(CHANCE_IPV4) ||
				  length != CHANCE_HEADER + packet->hops * CHANCE_HOP_IPV4
			: chance->type != bpf_htons(CHANCE_IPV6) ||
				  length != CHANCE_HEADER + packet->hops * CHANCE_HOP_IPV6;
	return true;
}

/* What stands between the IP headers; a fragment may have none of it, and is not looked into. */
static __always_inline bool read_shim(struct xdp_md *ctx, struct tunnelled *packet, void *end)
{
	struct gre_header *gre = packet->inner;

	if (packet->fragment)
		return is_tunnel(packet->outer_protocol);
	if (packet->outer_protocol == IPPROTO_IPIP || packet->outer_protocol == IPPROTO_IPV6) {
		packet->inner_protocol = packet->outer_protocol;
		return true;
	}
	if (packet->outer_protocol == IPPROTO_GRE) {
		if ((void *)(gre + 1) > end || gre->flags)
			return false;
		if (gre->protocol == bpf_htons(ETH_P_IP))
			packet->inner_protocol = IPPROTO_IPIP;
		else if (gre->protocol == bpf_htons(ETH_P_IPV6))
			packet->inner_protocol = IPPROTO_IPV6;
		packet->inner = gre + 1;
		packet->length += sizeof(*gre);
	} else if (packet->outer_protocol == IPPROTO_UDP && !read_gue(ctx, packet, end)) {
		return false;
	}
	return packet->inner_protocol == IPPROTO_IPIP || packet->inner_protocol == IPPROTO_IPV6;
}

static __always_inline bool read_inner(struct tunnelled *packet, void *end)
{
	if (packet->inner_protocol == IPPROTO_IPIP) {
		struct iphdr *inner = packet->inner;

		if ((void *)(inner + 1) > end || inner->version != 4)
			return false;
		address_from_ipv4(&packet->vip, inner->daddr);
	} else {
		struct ipv6hdr *inner = packet->inner;

		if ((void *)(inner + 1) > end || inner->version != 6)
			return false;
		address_from_ipv6(&packet->vip, &inner->daddr);
	}
	return true;
}

/* What the inner packet's ECN field becomes (RFC 6040, section 4.2); -1: the packet is dropped. */
static __always_inline int ecn_after(__u8 outer, __u8 inner)
{
	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? -1 : ECN_CE;
	if (outer == ECN_ECT_1 && inner == ECN_ECT_0)
		return ECN_ECT_1;
	return inner;
}

/* Hands congestion that the underlay marked on to the inner packet; false: its sender cannot be
 * told. */
static __always_inline bool hand_on_ecn(const struct tunnelled *packet)
{
	if (packet->inner_protocol == IPPROTO_IPIP) {
		struct iphdr *inner = packet->inner;
		int ecn = ecn_after(packet->outer_ecn, inner->tos & ECN_MASK);
		__u16 before = *(__u16 *)inner;

		if (ecn < 0)
			return false;
		if (ecn == (inner->tos & ECN_MASK))
			return true;
		inner->tos = (inner->tos & ~ECN_MASK) | ecn;
		inner->check = checksum_update(inner->check, before, *(__u16 *)inner);
	} else {
		__u8 *class =
			(__u8 *)packet->inner + 1; /* its low half and two bits of the flow label */
		int ecn = ecn_after(packet->outer_ecn, *class >> 4 & ECN_MASK);

		if (ecn < 0)
			return false;
		*class = (*class & ~(ECN_MASK << 4)) | ecn << 4;
	}
	return true;
}

/* Moves the Ethernet header up to the inner packet. */
static __always_inline bool strip(struct xdp_md *ctx, const struct tunnelled *packet)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct ethhdr saved;

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return false;
	saved = *ethernet;
	saved.h_proto = packet->inner_protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP)
							       : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, packet->length))
		return false;
	ethernet = (void *)(long)ctx->data;
	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return false;
	*ethernet = saved;
	return true;
}

/* Whether another backend sent it, which hands on, and wraps nothing itself. */
static __always_inline bool is_handed_on(const struct tunnelled *packet)
{
	return packet->chance && bpf_map_lookup_elem(&decap_peers, &packet->balancer);
}

/* Whether a packet that names former owners belongs to this host. */
static __always_inline bool belongs_here(struct xdp_md *ctx, const struct tunnelled *packet,
					 bool translated)
{
	__u32 inner = sizeof(struct ethhdr) + packet->length;
	bool is_ipv4 = packet->inner_protocol == IPPROTO_IPIP;

	if (packet->next >= packet->hops)
		return true; /* nobody else is left */
	return translated ? is_own_or_translated(ctx, inner, is_ipv4) : is_own(ctx, inner, is_ipv4);
}

static __always_inline enum decap_verdict unwrap(struct xdp_md *ctx, struct tunnelled *packet,
						 bool translated)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if ((void *)(ethernet + 1) > end || !read_outer_ip(ethernet, end, packet) ||
	    !read_shim(ctx, packet, end))
		return DECAP_NOT_TUNNELLED;
	if (!is_in(&decap_sources, &packet->balancer) && !is_handed_on(packet))
		return DECAP_UNKNOWN_BALANCER;
	if (packet->fragment)
		return DECAP_OUTER_FRAGMENT;
	if (packet->bad_chance)
		return DECAP_BAD_CHANCE;
	if (!read_inner(packet, end))
		return DECAP_MALFORMED;
	if (!is_vip(&packet->vip))
		return DECAP_UNKNOWN_VIP;
	if (packet->chance && !belongs_here(ctx, packet, translated)) {
		enum decap_verdict verdict = hand_on(ctx, packet);

		if (verdict != DECAP_OWN)
			return verdict;
	}
	if (!hand_on_ecn(packet))
		return DECAP_CONGESTED;
	if (!strip(ctx, packet))
		return DECAP_MALFORMED;
	return packet->chance ? DECAP_OWN : DECAP_UNWRAPPED;
}

static __always_inline int decap(struct xdp_md *ctx, bool translated)
{
	struct tunnelled packet = {};
	__u32 verdict = unwrap(ctx, &packet, translated);
	__u64 *count = bpf_map_lookup_elem(&decap_stats, &verdict);

	if (count)
		(*count)++;
	switch (verdict) {
	case DECAP_HANDED_ON:
		return packet.interface == ctx->ingress_ifindex ? XDP_TX
								: bpf_redirect(packet.interface, 0);
	case DECAP_CONGESTED:
	case DECAP_UNRESOLVED:
	case DECAP_HOP_LIMIT:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

/* Loaded where the kernel has connection tracking, */
SEC("xdp.frags")
int backend_decap(struct xdp_md *ctx)
{
	return decap(ctx, true);
}

/* and this one elsewhere. */
SEC("xdp.frags")
int backend_decap_bare(struct xdp_md *ctx)
{
	return decap(ctx, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
