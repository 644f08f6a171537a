// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The backend's side: takes the outer header off packets that a configured balancer sent for a
 * configured VIP, and passes everything, unwrapped or not, to the host's own stack.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/abi.h>
#include <guideway/decap.h>

#include "address.h"

#define IPV4_FRAGMENT bpf_htons(0x3fff)

/* Written by `guideway backend`, read here; sets of addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DECAP_BALANCERS_MAX);
	__type(key, struct address);
	__type(value, __u32);
} decap_balancers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DECAP_VIPS_MAX);
	__type(key, struct address);
	__type(value, __u32);
} decap_vips SEC(".maps");

/* Packets by enum decap_verdict. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_VERDICT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} decap_stats SEC(".maps");

/* A tunnelled packet: who wrapped it, and where its inner packet begins and goes. */
struct tunnelled {
	struct address balancer;
	struct address vip;
	void *inner;
	__u8 inner_protocol;
	bool fragment;
};

static __always_inline bool read_outer(struct ethhdr *ethernet, void *end, struct tunnelled *packet)
{
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *outer = (void *)(ethernet + 1);

		if ((void *)(outer + 1) > end || outer->version != 4 || outer->ihl != 5)
			return false;
		address_from_ipv4(&packet->balancer, outer->saddr);
		packet->inner = outer + 1;
		packet->inner_protocol = outer->protocol;
		packet->fragment = outer->frag_off & IPV4_FRAGMENT;
	} else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *outer = (void *)(ethernet + 1);

		if ((void *)(outer + 1) > end || outer->version != 6)
			return false;
		address_from_ipv6(&packet->balancer, &outer->saddr);
		packet->inner = outer + 1;
		packet->inner_protocol = outer->nexthdr;
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

/* Moves the Ethernet header up to the inner packet. */
static __always_inline bool strip(struct xdp_md *ctx, const struct tunnelled *packet, int length)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct ethhdr saved;

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return false;
	saved = *ethernet;
	saved.h_proto = packet->inner_protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP)
							       : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, length))
		return false;
	ethernet = (void *)(long)ctx->data;
	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return false;
	*ethernet = saved;
	return true;
}

static __always_inline enum decap_verdict unwrap(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct tunnelled packet = {};
	bool stripped;

	if ((void *)(ethernet + 1) > end || !read_outer(ethernet, end, &packet))
		return DECAP_NOT_TUNNELLED;
	if (!bpf_map_lookup_elem(&decap_balancers, &packet.balancer))
		return DECAP_UNKNOWN_BALANCER;
	if (packet.fragment)
		return DECAP_OUTER_FRAGMENT;
	if (!read_inner(&packet, end))
		return DECAP_MALFORMED;
	if (!bpf_map_lookup_elem(&decap_vips, &packet.vip))
		return DECAP_UNKNOWN_VIP;

	if (ethernet->h_proto == bpf_htons(ETH_P_IP))
		stripped = strip(ctx, &packet, sizeof(struct iphdr));
	else
		stripped = strip(ctx, &packet, sizeof(struct ipv6hdr));
	return stripped ? DECAP_UNWRAPPED : DECAP_MALFORMED;
}

SEC("xdp.frags")
int backend_decap(struct xdp_md *ctx)
{
	__u32 verdict = unwrap(ctx);
	__u64 *count = bpf_map_lookup_elem(&decap_stats, &verdict);

	if (count)
		(*count)++;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
