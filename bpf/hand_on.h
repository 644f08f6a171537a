/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef HAND_ON_H
#define HAND_ON_H

#include <guideway/chance.h>

#include "icmp_header.h"
#include "ipv4.h"
#include "own_flow.h"
#include "tunnelled.h"

/* Written by `guideway backend`, read here: the other backends, and the ways to them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DECAP_PEERS_MAX);
	__type(key, struct address);
	__type(value, struct decap_peer);
} decap_peers SEC(".maps");

/* Datagrams whose first fragment was handed on: the others follow it. The program alone uses it. An
 * LRU, as nobody takes entries out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DECAP_DATAGRAMS_MAX);
	__type(key, struct decap_datagram);
	__type(value, __u64);
} decap_datagrams SEC(".maps");

/* For this long an ID names one datagram. */
#define DATAGRAM_LIFETIME_NS (30ULL * 1000 * 1000 * 1000)

static __always_inline void *at(struct xdp_md *ctx, __u32 offset)
{
	return (void *)(long)ctx->data + (offset & FRAME_OFFSET_MASK);
}

/* Reads an ICMP error's quoted packet: one that this host sent. */
static __always_inline bool read_quoted_ipv4(struct xdp_md *ctx, __u32 offset,
					     struct own_flow *flow)
{
	const struct icmp_header *icmp = at(ctx, offset);
	const struct iphdr *ip = (void *)(icmp + 1);
	const __be16 *ports = (void *)(ip + 1);

	if ((void *)(ports + 4) > (void *)(long)ctx->data_end || ip->ihl != sizeof(*ip) / 4 ||
	    ip->protocol != IPPROTO_TCP)
		return false;
	if (icmp->type != ICMP_UNREACHABLE && icmp->type != ICMP_TIME_EXCEEDED &&
	    icmp->type != ICMP_PARAMETER_PROBLEM)
		return false;
	flow->tuple.ipv4.saddr = ip->daddr;
	flow->tuple.ipv4.daddr = ip->saddr;
	flow->tuple.ipv4.sport = ports[1];
	flow->tuple.ipv4.dport = ports[0];
	flow->number = bpf_ntohl(*(__be32 *)(ports + 2));
	flow->numbered = flow->quoted = true;
	return true;
}

static __always_inline bool read_quoted_ipv6(struct xdp_md *ctx, __u32 offset,
					     struct own_flow *flow)
{
	const struct icmp_header *icmp = at(ctx, offset);
	const struct ipv6hdr *ip = (void *)(icmp + 1);
	const __be16 *ports = (void *)(ip + 1);

	if ((void *)(ports + 4) > (void *)(long)ctx->data_end || ip->nexthdr != IPPROTO_TCP ||
	    icmp->type > ICMPV6_PARAMETER_PROBLEM)
		return false;
	__builtin_memcpy(flow->tuple.ipv6.saddr, &ip->daddr, sizeof(ip->daddr));
	__builtin_memcpy(flow->tuple.ipv6.daddr, &ip->saddr, sizeof(ip->saddr));
	flow->tuple.ipv6.sport = ports[1];
	flow->tuple.ipv6.dport = ports[0];
	flow->number = bpf_ntohl(*(__be32 *)(ports + 2));
	flow->numbered = flow->quoted = true;
	return true;
}

/* Whether a packet that names former owners belongs to this host: TCP that is no other's, and all
 * that is not TCP. */
static __always_inline bool is_own_segment(struct xdp_md *ctx, struct own_flow *flow,
					   bool translated)
{
	const struct tcphdr *tcp = at(ctx, flow->tcp);

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end || (tcp->syn && !tcp->ack))
		return true;
	if (flow->is_ipv4) {
		flow->tuple.ipv4.sport = tcp->source;
		flow->tuple.ipv4.dport = tcp->dest;
	} else {
		flow->tuple.ipv6.sport = tcp->source;
		flow->tuple.ipv6.dport = tcp->dest;
	}
	flow->numbered = tcp->ack;
	flow->number = bpf_ntohl(tcp->ack_seq);
	return is_own_flow(ctx, flow, translated);
}

static __always_inline void datagram_of(struct decap_datagram *id, const struct iphdr *ip)
{
	id->source = ip->saddr;
	id->destination = ip->daddr;
	id->id = ip->id;
	id->padding = 0;
}

static __always_inline bool datagram_was_handed_on(const struct decap_datagram *id)
{
	const __u64 *since = bpf_map_lookup_elem(&decap_datagrams, id);

	return since && *since && bpf_ktime_get_coarse_ns() - *since < DATAGRAM_LIFETIME_NS;
}

static __always_inline bool is_own_ipv4(struct xdp_md *ctx, __u32 offset, bool translated)
{
	const struct iphdr *ip = at(ctx, offset);
	struct own_flow flow = {.is_ipv4 = true, .ip = offset};
	struct decap_datagram datagram;
	bool fragment, own;
	__u64 now;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return true;
	datagram_of(&datagram, ip);
	if (ip->frag_off & IPV4_FRAGMENT_OFFSET)
		return !datagram_was_handed_on(&datagram);
	fragment = ip->frag_off & IPV4_FRAGMENT;
	flow.tcp = offset + ip->ihl * 4;
	flow.tuple.ipv4.saddr = ip->saddr;
	flow.tuple.ipv4.daddr = ip->daddr;
	if (ip->protocol == IPPROTO_ICMP)
		return !read_quoted_ipv4(ctx, flow.tcp, &flow) ||
		       is_own_flow(ctx, &flow, translated);
	if (ip->protocol != IPPROTO_TCP)
		return true;
	own = is_own_segment(ctx, &flow, translated);
	if (!fragment)
		return own;
	now = own ? 0 : bpf_ktime_get_coarse_ns();
	bpf_map_update_elem(&decap_datagrams, &datagram, &now, BPF_ANY);
	return own;
}

static __always_inline bool is_own_ipv6(struct xdp_md *ctx, __u32 offset, bool translated)
{
	const struct ipv6hdr *ip = at(ctx, offset);
	struct own_flow flow = {.ip = offset, .tcp = offset + sizeof(*ip)};

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return true;
	__builtin_memcpy(flow.tuple.ipv6.saddr, &ip->saddr, sizeof(ip->saddr));
	__builtin_memcpy(flow.tuple.ipv6.daddr, &ip->daddr, sizeof(ip->daddr));
	if (ip->nexthdr == IPPROTO_ICMPV6)
		return !read_quoted_ipv6(ctx, flow.tcp, &flow) ||
		       is_own_flow(ctx, &flow, translated);
	return ip->nexthdr != IPPROTO_TCP || is_own_segment(ctx, &flow, translated);
}

/* Whether the inner packet belongs to this host. */
__noinline int is_own(struct xdp_md *ctx, __u32 inner, __u32 is_ipv4)
{
	return is_ipv4 ? is_own_ipv4(ctx, inner, false) : is_own_ipv6(ctx, inner, false);
}

/* The same where the kernel can be asked for translated connections. */
__noinline int is_own_or_translated(struct xdp_md *ctx, __u32 inner, __u32 is_ipv4)
{
	return is_ipv4 ? is_own_ipv4(ctx, inner, true) : is_own_ipv6(ctx, inner, true);
}

/* The next former owner that is a backend; who is none is passed over. NULL: nobody is left. */
static __always_inline const struct decap_peer *next_peer(struct xdp_md *ctx,
							  struct tunnelled *packet)
{
	const void *end = (void *)(long)ctx->data_end;
	const struct decap_peer *peer;
	__u32 i, place;

	for (i = 0; i < CHANCE_HOPS_MAX; i++) {
		if (packet->next >= packet->hops)
			return NULL;
		place = packet->chance + CHANCE_HEADER +
			packet->next * (packet->over_ipv4 ? CHANCE_HOP_IPV4 : CHANCE_HOP_IPV6);
		packet->next++;
		if (packet->over_ipv4) {
			const __be32 *hop = at(ctx, place);

			if ((void *)(hop + 1) > end)
				return NULL;
			address_from_ipv4(&packet->hop, *hop);
		} else {
			const struct in6_addr *hop = at(ctx, place);

			if ((void *)(hop + 1) > end)
				return NULL;
			address_from_ipv6(&packet->hop, hop);
		}
		peer = bpf_map_lookup_elem(&decap_peers, &packet->hop);
		if (peer)
			return peer;
	}
	return NULL;
}

static __always_inline bool readdress_ipv4(struct xdp_md *ctx, const struct address *hop)
{
	struct iphdr *outer = (void *)(long)ctx->data + sizeof(struct ethhdr);
	const __be16 *words = (void *)outer;
	__u32 sum = 0;
	int i;

	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return false;
	outer->saddr = outer->daddr;
	outer->daddr = address_ipv4(hop);
	outer->ttl--;
	outer->check = 0;
	for (i = 0; i < (int)sizeof(*outer) / 2; i++)
		sum += words[i];
	outer->check = checksum_fold(sum);
	return true;
}

static __always_inline bool readdress_ipv6(struct xdp_md *ctx, const struct address *hop)
{
	struct ipv6hdr *outer = (void *)(long)ctx->data + sizeof(struct ethhdr);

	if ((void *)(outer + 1) > (void *)(long)ctx->data_end)
		return false;
	outer->saddr = outer->daddr;
	address_to_ipv6(&outer->daddr, hop);
	outer->hop_limit--;
	return true;
}

/* Sends the packet to the next former owner: from this host, with the next index. */
static __always_inline enum decap_verdict hand_on(struct xdp_md *ctx, struct tunnelled *packet)
{
	const struct decap_peer *peer = next_peer(ctx, packet);
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct chance_header *chance = at(ctx, packet->chance);
	struct gue_header *gue = (void *)chance - sizeof(*gue);

	if (!peer)
		return DECAP_OWN;
	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return DECAP_MALFORMED;
	/* A switch may flood frames for others, who hand them on themselves. */
	if (peer->interface == ctx->ingress_ifindex &&
	    __builtin_memcmp(ethernet->h_dest, peer->interface_mac, ETH_ALEN))
		return DECAP_OWN;
	if (!(peer->flags & DECAP_PEER_NEXT_HOP))
		return DECAP_UNRESOLVED;
	if (packet->hop_limit <= 1)
		return DECAP_HOP_LIMIT;
	if ((void *)(chance + 1) > (void *)(long)ctx->data_end ||
	    (void *)gue < (void *)(long)ctx->data)
		return DECAP_MALFORMED;
	__builtin_memcpy(ethernet->h_dest, peer->next_hop_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, peer->interface_mac, ETH_ALEN);
	chance->next = packet->next;
	packet->interface = peer->interface;
	if (!(packet->over_ipv4 ? readdress_ipv4(ctx, &packet->hop)
				: readdress_ipv6(ctx, &packet->hop)))
		return DECAP_MALFORMED;
	return DECAP_HANDED_ON;
}

#endif
