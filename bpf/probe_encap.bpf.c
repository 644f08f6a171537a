// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Health probes take the way of traffic: a packet that leaves this host with a probe's socket mark
 * is wrapped for the backend that the mark names, as encap.h wraps traffic. So is what the kernel
 * itself says for a probe's socket that is gone, lest it should reach a balancer and pass for a
 * client's. All else is left alone.
 */
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/abi.h>
#include <guideway/probe.h>

#include "address.h"
#include "ipv4.h"
#include "probe_flow.h"
#include "tunnel.h"

#define LARGEST_PACKET 0xffff

const volatile __u32 mark_value;
const volatile __u32 mark_mask;

/* By the bits of the mark outside its mask; the agent writes, the program reads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct probe_route);
} probe_routes SEC(".maps");

/* Packets wrapped, by the same key: tells the agent whether a probe left at all. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} probe_counts SEC(".maps");

/* What the outer header takes over from the inner one. */
struct inner {
	__u32 length;
	__be16 id;
	__be16 dont_fragment;
	__u8 protocol;
	__u8 traffic_class;
};

static __always_inline bool read_inner(struct __sk_buff *skb, struct inner *inner)
{
	inner->length = skb->len - sizeof(struct ethhdr);
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip)))
			return false;
		inner->protocol = IPPROTO_IPIP;
		inner->traffic_class = ip.tos;
		inner->id = ip.id;
		inner->dont_fragment = ip.frag_off & IPV4_DONT_FRAGMENT;
		return true;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip)))
			return false;
		inner->protocol = IPPROTO_IPV6;
		inner->traffic_class = ip.priority << 4 | ip.flow_lbl[0] >> 4;
		inner->dont_fragment = IPV4_DONT_FRAGMENT;
		return true;
	}
	return false;
}

static __always_inline __u16 ipv4_checksum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

	for (int i = 0; i < (int)(sizeof(*ip) / sizeof(*words)); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline enum shim shim_of(const struct probe_route *route)
{
	if (route->flags & PROBE_GRE)
		return SHIM_GRE;
	return route->flags & PROBE_GUE ? SHIM_GUE : SHIM_NONE;
}

/* Makes room behind the Ethernet header and tells the kernel what it is for, so that checksums and
 * segments of the inner packet stay right. */
static __always_inline bool grow(struct __sk_buff *skb, __u32 overhead, enum shim shim, __u64 flags)
{
	if (shim == SHIM_GRE)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	if (shim == SHIM_GUE)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	return !bpf_skb_adjust_room(skb, (int)(overhead + shim), BPF_ADJ_ROOM_MAC,
				    BPF_F_ADJ_ROOM_FIXED_GSO | flags);
}

static __always_inline bool store_shim(struct __sk_buff *skb, __u32 offset, enum shim shim,
				       const struct inner *inner)
{
	struct gre_header gre;
	struct gue_header gue;

	if (shim == SHIM_GRE) {
		gre_write(&gre, inner->protocol);
		return !bpf_skb_store_bytes(skb, offset, &gre, sizeof(gre), 0);
	}
	if (shim == SHIM_GUE) {
		gue_write(&gue, inner->protocol, inner->length + sizeof(gue),
			  bpf_get_hash_recalc(skb));
		return !bpf_skb_store_bytes(skb, offset, &gue, sizeof(gue), 0);
	}
	return true;
}

static __always_inline bool wrap_in_ipv4(struct __sk_buff *skb, const struct inner *inner,
					 const struct probe_route *route, enum shim shim)
{
	struct iphdr outer = {
		.version = 4,
		.ihl = sizeof(outer) / 4,
		.tos = inner->traffic_class,
		.tot_len = bpf_htons(inner->length + sizeof(outer) + shim),
		.id = inner->id,
		.frag_off = inner->dont_fragment,
		.ttl = OUTER_HOP_LIMIT,
		.protocol = shim_protocol(shim, inner->protocol),
		.saddr = address_ipv4(&route->source),
		.daddr = address_ipv4(&route->backend),
	};

	outer.check = ipv4_checksum(&outer);
	if (!grow(skb, sizeof(outer), shim, BPF_F_ADJ_ROOM_ENCAP_L3_IPV4))
		return false;
	return !bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &outer, sizeof(outer), 0) &&
	       store_shim(skb, sizeof(struct ethhdr) + sizeof(outer), shim, inner);
}

static __always_inline bool wrap_in_ipv6(struct __sk_buff *skb, const struct inner *inner,
					 const struct probe_route *route, enum shim shim)
{
	struct ipv6hdr outer = {
		.payload_len = bpf_htons(inner->length + shim),
		.nexthdr = shim_protocol(shim, inner->protocol),
		.hop_limit = OUTER_HOP_LIMIT,
	};

	*(__be32 *)&outer = bpf_htonl(6U << 28 | (__u32)inner->traffic_class << 20 |
				      (bpf_get_hash_recalc(skb) & 0xfffff));
	address_to_ipv6(&outer.saddr, &route->source);
	address_to_ipv6(&outer.daddr, &route->backend);
	if (!grow(skb, sizeof(outer), shim, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6))
		return false;
	return !bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &outer, sizeof(outer), 0) &&
	       store_shim(skb, sizeof(struct ethhdr) + sizeof(outer), shim, inner);
}

static __always_inline bool wrap(struct __sk_buff *skb, const struct probe_route *route)
{
	struct inner inner = {};
	struct ethhdr ethernet;
	bool ipv4 = address_is_ipv4(&route->backend);
	enum shim shim = shim_of(route);

	if (!read_inner(skb, &inner) ||
	    inner.length > LARGEST_PACKET - sizeof(struct iphdr) - SHIM_GUE)
		return false;
	if (ipv4 ? !wrap_in_ipv4(skb, &inner, route, shim)
		 : !wrap_in_ipv6(skb, &inner, route, shim))
		return false;
	__builtin_memcpy(ethernet.h_dest, route->next_hop_mac, ETH_ALEN);
	__builtin_memcpy(ethernet.h_source, route->interface_mac, ETH_ALEN);
	ethernet.h_proto = ipv4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return !bpf_skb_store_bytes(skb, 0, &ethernet, sizeof(ethernet), 0);
}

/* Wraps the packet for the route's backend and sends it there. */
static __always_inline int wrap_and_send(struct __sk_buff *skb, const struct probe_route *route)
{
	/* Unwrapped, it would reach some balancer, and speak for whichever backend that chose. */
	if (!(route->flags & PROBE_NEXT_HOP) || !wrap(skb, route))
		return TC_ACT_SHOT;
	return route->interface == skb->ifindex ? TC_ACT_OK : bpf_redirect(route->interface, 0);
}

/* A packet without a mark: the kernel's answer to a late packet of a probe's, or none of ours. */
static __always_inline int send_answer(struct __sk_buff *skb)
{
	const struct probe_route *route;
	struct probe_flow flow = {};
	enum probe_part part = probe_part_of(skb, &flow);
	const __u32 *found;
	__u32 key;

	if (part != PROBE_RESETS && part != PROBE_REFUSES)
		return TC_ACT_UNSPEC;
	found = bpf_map_lookup_elem(&probe_flows, &flow);
	if (!found)
		return TC_ACT_UNSPEC;
	if (part == PROBE_REFUSES)
		return TC_ACT_SHOT; /* the application shall see no error */
	key = *found;
	route = bpf_map_lookup_elem(&probe_routes, &key);
	return route ? wrap_and_send(skb, route) : TC_ACT_SHOT;
}

SEC("tc")
int probe_encap(struct __sk_buff *skb)
{
	__u32 key = skb->mark & ~mark_mask;
	struct probe_flow flow = {};
	struct probe_route *route;
	__u64 *count;
	int action;

	if ((skb->mark & mark_mask) != mark_value)
		return send_answer(skb);
	route = bpf_map_lookup_elem(&probe_routes, &key);
	count = bpf_map_lookup_elem(&probe_counts, &key);
	if (!route || !count)
		return TC_ACT_UNSPEC;
	if (probe_part_of(skb, &flow) == PROBE_BEGINS)
		bpf_map_update_elem(&probe_flows, &flow, &key, BPF_ANY);
	action = wrap_and_send(skb, route);
	if (action != TC_ACT_SHOT)
		__sync_fetch_and_add(count, 1);
	return action;
}

char _license[] SEC("license") = "Dual BSD/GPL";
