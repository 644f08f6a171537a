/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TOO_BIG_H
#define TOO_BIG_H

#include "budget.h"
#include "checksum.h"
#include "echo.h"
#include "icmp_header.h"
#include "link.h"
#include "packet.h"

#define IPV6_MTU_MIN 1280
#define ANSWER_WINDOW_SHIFT 27 /* 2^27 ns = 134 ms */
#define LINK_LENGTH_MAX (sizeof(struct ethhdr) + VLAN_TAGS * sizeof(struct vlan_tag))
#define QUOTE_LENGTH 512 /* bpf_csum_diff() takes no more at a time */

static __always_inline bool answer_allowed(void)
{
	__u32 index = 0;
	struct window_budget *budget = bpf_map_lookup_elem(&answers, &index);

	return budget && budget_allows(budget, bpf_ktime_get_coarse_ns() >> ANSWER_WINDOW_SHIFT,
				       answers_per_window);
}

/*
 * Cuts the packet down to what is quoted, and makes room for `headers` before it, behind the link's
 * headers; these go back to the sender. NULL: that cannot be done.
 */
static __always_inline void *answer_frame(struct xdp_md *ctx, const struct packet *packet,
					  __u32 headers)
{
	int surplus = (int)(packet->link_length + QUOTE_LENGTH) - (int)bpf_xdp_get_buff_len(ctx);
	void *data, *end;

	if (surplus > 0 || (surplus && bpf_xdp_adjust_tail(ctx, surplus)) ||
	    bpf_xdp_adjust_head(ctx, -(int)headers))
		return NULL;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + headers + LINK_LENGTH_MAX > end)
		return NULL;
	__builtin_memcpy(data, data + headers, LINK_LENGTH_MAX);
	if (!link_turn(ctx))
		return NULL;
	return data + packet->link_length;
}

struct too_big_ipv4 {
	struct iphdr ip;
	struct icmp_header icmp;
	__u8 quote[QUOTE_LENGTH];
};

/* RFC 792, RFC 1191. */
static __always_inline enum verdict answer_ipv4(struct xdp_md *ctx, const struct packet *packet,
						__u32 mtu)
{
	struct too_big_ipv4 *answer =
		answer_frame(ctx, packet, sizeof(answer->ip) + sizeof(answer->icmp));
	__u32 sum;

	if (!answer || (void *)(answer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;
	__builtin_memset(answer, 0, sizeof(answer->ip) + sizeof(answer->icmp));
	answer->ip.version = 4;
	answer->ip.ihl = sizeof(answer->ip) / 4;
	answer->ip.tot_len = bpf_htons(sizeof(*answer));
	answer->ip.frag_off = IPV4_DONT_FRAGMENT;
	answer->ip.ttl = ANSWER_HOP_LIMIT;
	answer->ip.protocol = IPPROTO_ICMP;
	answer->ip.saddr = address_ipv4(&packet->flow.destination);
	answer->ip.daddr = address_ipv4(&packet->flow.source);
	answer->ip.check =
		checksum_fold(bpf_csum_diff(NULL, 0, (void *)&answer->ip, sizeof(answer->ip), 0));
	answer->icmp.type = ICMP_UNREACHABLE;
	answer->icmp.code = ICMP_FRAGMENTATION_NEEDED;
	answer->icmp.rest = bpf_htonl(mtu);
	sum = bpf_csum_diff(NULL, 0, (void *)answer->quote, QUOTE_LENGTH, 0);
	answer->icmp.checksum = checksum_fold(
		bpf_csum_diff(NULL, 0, (void *)&answer->icmp, sizeof(answer->icmp), sum));
	return VERDICT_TOO_BIG_ANSWERED;
}

struct too_big_ipv6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
	__u8 quote[QUOTE_LENGTH];
};

/* What an ICMPv6 checksum covers beside the message, but for the addresses (RFC 8200, section 8.1).
 */
struct pseudo_header_end {
	__be32 length;
	__be32 protocol;
};

/* RFC 4443, section 3.2. */
static __always_inline enum verdict answer_ipv6(struct xdp_md *ctx, const struct packet *packet,
						__u32 mtu)
{
	struct pseudo_header_end pseudo = {
		.length = bpf_htonl(sizeof(struct icmp_header) + QUOTE_LENGTH),
		.protocol = bpf_htonl(IPPROTO_ICMPV6),
	};
	struct too_big_ipv6 *answer =
		answer_frame(ctx, packet, sizeof(answer->ip) + sizeof(answer->icmp));
	__u32 sum;

	if (!answer || (void *)(answer + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;
	__builtin_memset(answer, 0, sizeof(answer->ip) + sizeof(answer->icmp));
	answer->ip.version = 6;
	answer->ip.payload_len = bpf_htons(sizeof(answer->icmp) + QUOTE_LENGTH);
	answer->ip.nexthdr = IPPROTO_ICMPV6;
	answer->ip.hop_limit = ANSWER_HOP_LIMIT;
	address_to_ipv6(&answer->ip.saddr, &packet->flow.destination);
	address_to_ipv6(&answer->ip.daddr, &packet->flow.source);
	answer->icmp.type = ICMPV6_PACKET_TOO_BIG;
	answer->icmp.rest = bpf_htonl(mtu);
	sum = bpf_csum_diff(NULL, 0, (void *)answer->quote, QUOTE_LENGTH, 0);
	sum = bpf_csum_diff(NULL, 0, (void *)&pseudo, sizeof(pseudo), sum);
	sum = bpf_csum_diff(NULL, 0, (void *)&answer->ip.saddr, 2 * sizeof(struct in6_addr), sum);
	answer->icmp.checksum = checksum_fold(
		bpf_csum_diff(NULL, 0, (void *)&answer->icmp, sizeof(answer->icmp), sum));
	return VERDICT_TOO_BIG_ANSWERED;
}

/*
 * What becomes of a packet that, wrapped, is above the MTU on the way to its backend. VERDICT_NONE:
 * it is sent nevertheless, as an IPv6 sender cannot be told to send less than IPV6_MTU_MIN.
 */
__noinline int too_big(struct xdp_md *ctx, struct packet *packet, __u32 mtu, __u32 overhead)
{
	__u32 limit = mtu > overhead ? mtu - overhead : 0;
	enum verdict verdict;

	if (!packet || mtu == BACKEND_MTU_UNLIMITED)
		return VERDICT_TOO_LONG;
	if (!packet->flow.is_ipv4 && packet->length <= IPV6_MTU_MIN)
		return VERDICT_NONE;
	if (!packet->dont_fragment)
		return VERDICT_TOO_BIG_NO_DF;
	/* RFC 1122, section 3.2.2; RFC 4443, section 2.4 (e) */
	if (packet->icmp_error || (packet->flow.is_ipv4 && packet->fragment == FRAGMENT_LATER) ||
	    packet->length < QUOTE_LENGTH || !answer_allowed())
		return VERDICT_TOO_BIG_UNANSWERED;

	if (packet->flow.is_ipv4)
		verdict = answer_ipv4(ctx, packet, limit);
	else
		verdict = answer_ipv6(ctx, packet, limit < IPV6_MTU_MIN ? IPV6_MTU_MIN : limit);
	packet->interface = 0;
	packet->backend = 0; /* the answer is ours */
	return verdict;
}

#endif
