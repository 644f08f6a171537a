/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OWN_FLOW_H
#define OWN_FLOW_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* What is read of the kernel's sockets. */
struct tcp_sock {
	__u32 snd_una;
	__u32 write_seq;
} __attribute__((preserve_access_index));

struct tcp_request_sock {
	__u32 snt_isn;
} __attribute__((preserve_access_index));

struct sock_common {
	__u32 skc_tw_snd_nxt;
} __attribute__((preserve_access_index));

struct tcp_timewait_sock {
	struct {
		struct sock_common __tw_common;
	} tw_sk;
} __attribute__((preserve_access_index));

/* What is read of the kernel's connection tracking, which sees connections that are translated on
 * this host, to those of containers for one. */
struct ip_ct_tcp_state {
	__u32 td_end;
} __attribute__((preserve_access_index));

struct ip_ct_tcp {
	struct ip_ct_tcp_state seen[2]; /* the second one: of the side that answers */
	__u8 state;
} __attribute__((preserve_access_index));

union nf_conntrack_proto {
	struct ip_ct_tcp tcp;
} __attribute__((preserve_access_index));

struct nf_conn {
	unsigned long status;
	union nf_conntrack_proto proto;
} __attribute__((preserve_access_index));

struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple,
					 __u32 tuple_size, struct bpf_ct_opts *opts,
					 __u32 opts_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *connection) __ksym __weak;

/* linux/netfilter/nf_conntrack_common.h, nf_conntrack_tcp.h */
#define CONNECTION_SEEN_REPLY (1 << 1)
#define CONNECTION_CLOSE 8

/* net/tcp_states.h */
enum tcp_state {
	TCP_STATE_TIME_WAIT = 6,
	TCP_STATE_LISTEN = 10,
	TCP_STATE_NEW_SYN_RECV = 12,
};

/* A receiver may acknowledge what it had acknowledged long before. */
#define OLDEST_ACK (1 << 24)

/* The flow that a packet is of, as the client sends it. */
struct own_flow {
	struct bpf_sock_tuple tuple;
	bool is_ipv4;
	bool numbered; /* whether the packet tells this: */
	bool quoted;   /* it is an ICMP error, and 'number' the quoted packet's sequence number */
	__u32 number;  /* which byte the client acknowledges */
	__u32 ip;      /* where the headers begin in the frame */
	__u32 tcp;
};

#define FRAME_OFFSET_MASK 0x1ff

/* Whether a listening socket gave out the cookie that the packet acknowledges. */
static __always_inline bool is_cookie(struct xdp_md *ctx, struct bpf_sock *socket,
				      const struct own_flow *flow)
{
	void *ip = (void *)(long)ctx->data + (flow->ip & FRAME_OFFSET_MASK);
	struct tcphdr *tcp = (void *)(long)ctx->data + (flow->tcp & FRAME_OFFSET_MASK);
	void *end = (void *)(long)ctx->data_end;

	if (flow->quoted || (void *)(tcp + 1) > end || ip + sizeof(struct ipv6hdr) > end)
		return false;
	if (flow->is_ipv4)
		return !bpf_tcp_check_syncookie(socket, ip, sizeof(struct iphdr), tcp,
						sizeof(*tcp));
	return !bpf_tcp_check_syncookie(socket, ip, sizeof(struct ipv6hdr), tcp, sizeof(*tcp));
}

/* Whether what the client acknowledges is something that was sent to it. */
static __always_inline bool is_acknowledgement(__u32 number, __u32 unacknowledged, __u32 end)
{
	__u32 oldest = unacknowledged - OLDEST_ACK;

	return number - oldest <= end - oldest;
}

/* Whether a connected socket's numbers fit: that there is one is not enough, as ports are used
 * again, and a client's SYN may have been here before it went to another backend. */
static __always_inline bool numbers_fit(struct bpf_sock *socket, const struct own_flow *flow)
{
	struct tcp_sock *connected;

	if (socket->state == TCP_STATE_NEW_SYN_RECV) {
		struct tcp_request_sock *request = bpf_skc_to_tcp_request_sock(socket);

		return request && flow->number == request->snt_isn + !flow->quoted;
	}
	if (socket->state == TCP_STATE_TIME_WAIT) {
		struct tcp_timewait_sock *closed = bpf_skc_to_tcp_timewait_sock(socket);

		return closed &&
		       (flow->quoted || flow->number == closed->tw_sk.__tw_common.skc_tw_snd_nxt);
	}
	connected = bpf_skc_to_tcp_sock(socket);
	return connected &&
	       is_acknowledgement(flow->number, connected->snd_una, connected->write_seq);
}

/* Whether the packet belongs to a connection that is translated here. */
static __always_inline bool is_translated_flow(struct xdp_md *ctx, const struct own_flow *flow)
{
	struct bpf_ct_opts options = {.netns_id = BPF_F_CURRENT_NETNS, .l4proto = IPPROTO_TCP};
	struct bpf_sock_tuple tuple = flow->tuple;
	struct nf_conn *connection;
	__u32 end;
	bool own;

	if (flow->is_ipv4)
		connection = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &options,
					       sizeof(options));
	else
		connection = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv6), &options,
					       sizeof(options));
	if (!connection)
		return false;
	end = connection->proto.tcp.seen[1].td_end;
	own = connection->status & CONNECTION_SEEN_REPLY &&
	      connection->proto.tcp.state != CONNECTION_CLOSE &&
	      (!flow->numbered || is_acknowledgement(flow->number, end, end));
	bpf_ct_release(connection);
	return own;
}

/* Whether the packet belongs to a socket that this host's stack has itself. */
static __always_inline bool is_socket_flow(struct xdp_md *ctx, const struct own_flow *flow)
{
	struct bpf_sock_tuple tuple = flow->tuple;
	struct bpf_sock *socket;
	bool own;

	if (flow->is_ipv4)
		socket =
			bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		socket =
			bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	if (socket->state == TCP_STATE_LISTEN)
		own = flow->numbered && is_cookie(ctx, socket, flow);
	else
		own = !flow->numbered || numbers_fit(socket, flow);
	bpf_sk_release(socket);
	return own;
}

/* 'translated' is constant: whether the kernel can be asked for translated connections. */
static __always_inline bool is_own_flow(struct xdp_md *ctx, const struct own_flow *flow,
					bool translated)
{
	return is_socket_flow(ctx, flow) || (translated && is_translated_flow(ctx, flow));
}

#endif
