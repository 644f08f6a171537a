// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Measures an XDP program on frames that are new each time. A test run with `repeat` hands a program
 * its own output, so the run is one of datapath_wrapper: it takes off what the last one put on, writes
 * the headers of another flow and calls the program under test in its place. datapath_generator sends
 * the same frames for real.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <guideway/flow.h>

#define FRAME 114 /* bytes written, whatever the headers are: IPv6 and TCP, with 40 of payload */
#define PORTS 32768
#define FIRST_PORT 1024
#define CLIENTS 0x0b000000u /* 11.0.0.0 */
#define VIPS 0xc0000200u    /* 192.0.2.0 */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

/* Frames that came back, in datapath_sink. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sunk SEC(".maps");

const volatile __u32 flows = 1;	   /* a power of two */
const volatile __u32 services = 1; /* VIPs 192.0.2.1 and on, or 2001:db8:1::1 and on */
const volatile bool ipv6;
const volatile bool udp;
const volatile __u8 destination_mac[ETH_ALEN];

__u64 state = 1;
__u64 frames_written;

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static __always_inline __u64 draw(void)
{
	__u64 z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static __always_inline void write_transport(void *place, __u32 flow)
{
	struct udphdr *datagram = place;
	struct tcphdr *segment = place;

	datagram->source = bpf_htons(FIRST_PORT + flow % PORTS);
	datagram->dest = bpf_htons(80);
	if (udp) {
		datagram->len = bpf_htons(48);
		datagram->check = 0;
		return;
	}
	segment->seq = flow;
	segment->ack_seq = 0;
	*((__be16 *)segment + 6) = bpf_htons(0x5010); /* ACK */
	segment->window = 0xffff;
	segment->check = 0;
	segment->urg_ptr = 0;
}

static __always_inline void write_ipv4(struct iphdr *ip, __u32 flow)
{
	__be32 *words = (__be32 *)ip;

	words[0] = bpf_htonl(0x45000000 | (FRAME - sizeof(struct ethhdr)));
	words[1] = bpf_htonl(0x4000);
	words[2] = bpf_htonl(64 << 24 | (udp ? IPPROTO_UDP : IPPROTO_TCP) << 16);
	words[3] = bpf_htonl(CLIENTS + flow / PORTS);
	words[4] = bpf_htonl(VIPS + 1 + flow % services);
	write_transport(ip + 1, flow);
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, __u32 flow)
{
	__be32 *words = (__be32 *)ip;

	words[0] = bpf_htonl(6U << 28);
	words[1] = bpf_htonl((FRAME - sizeof(struct ethhdr) - sizeof(*ip)) << 16 |
			     (udp ? IPPROTO_UDP : IPPROTO_TCP) << 8 | 64);
	words[2] = bpf_htonl(0x20010db8);
	words[3] = bpf_htonl(0x00090000);
	words[4] = 0;
	words[5] = bpf_htonl(1 + flow / PORTS);
	words[6] = bpf_htonl(0x20010db8);
	words[7] = bpf_htonl(0x00010000);
	words[8] = 0;
	words[9] = bpf_htonl(1 + flow % services);
	write_transport(ip + 1, flow);
}

static __always_inline bool write_frame(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u32 flow = draw() & (flows - 1);

	if ((void *)ethernet + FRAME > (void *)(long)ctx->data_end)
		return false;
	for (int i = 0; i < ETH_ALEN; i++)
		ethernet->h_dest[i] = destination_mac[i];
	__builtin_memset(ethernet->h_source, 2, ETH_ALEN);
	if (ipv6) {
		ethernet->h_proto = bpf_htons(ETH_P_IPV6);
		write_ipv6((void *)(ethernet + 1), flow);
	} else {
		ethernet->h_proto = bpf_htons(ETH_P_IP);
		write_ipv4((void *)(ethernet + 1), flow);
	}
	return true;
}

SEC("xdp.frags")
int datapath_wrapper(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_head(ctx, (int)(ctx->data_end - ctx->data) - FRAME) || !write_frame(ctx))
		return XDP_ABORTED;
	/* A locked instruction waits until the stores above have left the store buffer: real frames
	 * come from memory, and reading wider words than were just written would stall. */
	__sync_fetch_and_add(&frames_written, 1);
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}

/* The floor: what any program that wraps a packet in an IPv4 header does at least. */
SEC("xdp.frags")
int datapath_floor(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)) ? XDP_ABORTED : XDP_TX;
}

/* What no balancer that hashes so can be faster than: the floor, and hash format 1 over the packet's
 * flow; what it finds is written where the outer header will be. */
SEC("xdp.frags")
int datapath_limit(struct xdp_md *ctx)
{
	const struct flow_key key = {.k0 = state | 1, .k1 = state | 2};
	const struct ethhdr *ethernet = (void *)(long)ctx->data;
	const struct iphdr *ip = (void *)(ethernet + 1);
	const struct ipv6hdr *ip6 = (void *)(ethernet + 1);
	struct flow flow = {.is_ipv4 = !ipv6, .protocol = udp ? IPPROTO_UDP : IPPROTO_TCP};
	const struct udphdr *ports;
	__u64 hash, *place;

	if ((void *)ethernet + FRAME > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (ipv6) {
		__builtin_memcpy(flow.source.bytes, &ip6->saddr, sizeof(ip6->saddr));
		__builtin_memcpy(flow.destination.bytes, &ip6->daddr, sizeof(ip6->daddr));
		ports = (const void *)(ip6 + 1);
	} else {
		__builtin_memcpy(flow.source.bytes + 12, &ip->saddr, sizeof(ip->saddr));
		__builtin_memcpy(flow.destination.bytes + 12, &ip->daddr, sizeof(ip->daddr));
		ports = (const void *)(ip + 1);
	}
	flow.source_port = ports->source;
	flow.destination_port = ports->dest;
	hash = flow_hash(&flow, &key, 0);
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return XDP_ABORTED;
	place = (void *)(long)ctx->data;
	if ((void *)(place + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*place = hash;
	return XDP_TX;
}

/* Live: frames leave by the interface of the run, */
SEC("xdp")
int datapath_generator(struct xdp_md *ctx)
{
	return write_frame(ctx) ? XDP_TX : XDP_ABORTED;
}

/* are sent back by the program at its other end, or by this one, */
SEC("xdp")
int datapath_reflector(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

/* and counted where they come back. */
SEC("xdp")
int datapath_sink(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&sunk, &key);

	(void)ctx;
	if (count)
		(*count)++;
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
