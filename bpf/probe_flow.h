/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PROBE_FLOW_H
#define PROBE_FLOW_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/probe.h>

#include "address.h"
#include "icmp_header.h"

#define IPV4_PLAIN 0x45 /* version 4, and a header without options */

/* Who has sent probes of late, and to whom. The program alone reads and writes it. An LRU: the
 * oldest is the one to which hardly anything comes back. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PROBE_FLOWS_MAX);
	__type(key, struct probe_flow);
	__type(value, __u32);
} probe_flows SEC(".maps");

/* What a packet that leaves this host may be to a probe. */
enum probe_part {
	PROBE_NO_PART = 0,
	PROBE_BEGINS = 1,  /* what may be answered late: TCP SYN, UDP */
	PROBE_RESETS = 2,  /* TCP RST: the kernel's answer where there is no socket any more */
	PROBE_REFUSES = 3, /* ICMP error about UDP: the same */
};

/* As much of a TCP header as tells. */
struct tcp_start {
	__be16 source;
	__be16 dest;
	__be32 numbers[2];
	__u8 data_offset;
	__u8 flags;
};

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static __always_inline enum probe_part read_tcp(const struct tcp_start *tcp, void *end,
						struct probe_flow *flow)
{
	if ((void *)(tcp + 1) > end)
		return PROBE_NO_PART;
	flow->port = tcp->source;
	flow->vip_port = tcp->dest;
	if (tcp->flags & TCP_RST)
		return PROBE_RESETS;
	return (tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN ? PROBE_BEGINS : PROBE_NO_PART;
}

static __always_inline enum probe_part read_udp(const struct udphdr *udp, void *end,
						struct probe_flow *flow)
{
	if ((void *)(udp + 1) > end)
		return PROBE_NO_PART;
	flow->port = udp->source;
	flow->vip_port = udp->dest;
	return PROBE_BEGINS;
}

/* What is quoted came from the VIP: its ports are the other way round. */
static __always_inline enum probe_part read_quoted_udp(const struct udphdr *udp, void *end,
						       struct probe_flow *flow)
{
	if ((void *)(udp + 1) > end)
		return PROBE_NO_PART;
	flow->port = udp->dest;
	flow->vip_port = udp->source;
	flow->protocol = IPPROTO_UDP;
	return PROBE_REFUSES;
}

static __always_inline enum probe_part read_ipv4(const struct iphdr *ip, void *end,
						 struct probe_flow *flow)
{
	const struct icmp_header *icmp = (const void *)(ip + 1);
	const struct iphdr *quoted = (const void *)(icmp + 1);

	if ((void *)(ip + 1) > end || *(const __u8 *)ip != IPV4_PLAIN)
		return PROBE_NO_PART;
	address_from_ipv4(&flow->vip, ip->daddr);
	flow->protocol = ip->protocol;
	if (ip->protocol == IPPROTO_TCP)
		return read_tcp((const void *)(ip + 1), end, flow);
	if (ip->protocol == IPPROTO_UDP)
		return read_udp((const void *)(ip + 1), end, flow);
	if (ip->protocol != IPPROTO_ICMP || (void *)(quoted + 1) > end ||
	    icmp->type != ICMP_UNREACHABLE || *(const __u8 *)quoted != IPV4_PLAIN ||
	    quoted->protocol != IPPROTO_UDP)
		return PROBE_NO_PART;
	return read_quoted_udp((const void *)(quoted + 1), end, flow);
}

static __always_inline enum probe_part read_ipv6(const struct ipv6hdr *ip, void *end,
						 struct probe_flow *flow)
{
	const struct icmp_header *icmp = (const void *)(ip + 1);
	const struct ipv6hdr *quoted = (const void *)(icmp + 1);

	if ((void *)(ip + 1) > end)
		return PROBE_NO_PART;
	address_from_ipv6(&flow->vip, &ip->daddr);
	flow->protocol = ip->nexthdr;
	if (ip->nexthdr == IPPROTO_TCP)
		return read_tcp((const void *)(ip + 1), end, flow);
	if (ip->nexthdr == IPPROTO_UDP)
		return read_udp((const void *)(ip + 1), end, flow);
	if (ip->nexthdr != IPPROTO_ICMPV6 || (void *)(quoted + 1) > end ||
	    icmp->type != ICMPV6_UNREACHABLE || quoted->nexthdr != IPPROTO_UDP)
		return PROBE_NO_PART;
	return read_quoted_udp((const void *)(quoted + 1), end, flow);
}

/* Fills in the flow unless the packet has no part in one. */
static __always_inline enum probe_part probe_part_of(struct __sk_buff *skb, struct probe_flow *flow)
{
	void *ip = (void *)(long)skb->data + sizeof(struct ethhdr);
	void *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		return read_ipv4(ip, end, flow);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return read_ipv6(ip, end, flow);
	return PROBE_NO_PART;
}

#endif
