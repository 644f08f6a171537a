/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ANSWER_H
#define ANSWER_H

#include "budget.h"
#include "checksum.h"
#include "icmp_header.h"
#include "link.h"
#include "listener.h"
#include "packet.h"

#define ANSWER_HOP_LIMIT 64
#define ANSWER_WINDOW_SHIFT 27 /* 2^27 ns = 134 ms */
#define LINK_LENGTH_MAX (sizeof(struct ethhdr) + VLAN_TAGS * sizeof(struct vlan_tag))
#define QUOTE_LENGTH 512 /* so much of a packet is quoted, or all of it */

/*
 * One's complement sum of whole 32-bit words of the frame, folded to 16 bits; -1: the frame ends
 * before.
 */
__noinline int frame_sum(struct xdp_md *ctx, __u32 offset, __u32 size)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < (sizeof(struct icmp_header) + QUOTE_LENGTH) / sizeof(__u32); i++) {
		const __u32 *word = (void *)(long)ctx->data + (offset & OFFSET_MASK);

		if (i * sizeof(*word) >= size)
			break;
		if ((void *)(word + 1) > (void *)(long)ctx->data_end)
			return -1;
		sum += *word;
		offset += sizeof(*word);
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u16)~checksum_fold(sum);
}

/* Nothing is made of a header that was damaged on its way; what is forwarded the backend verifies.
 */
static __always_inline bool ipv4_checksum_holds(struct xdp_md *ctx, const struct packet *packet)
{
	const struct iphdr *ip = (void *)(long)ctx->data + packet->link_length;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return false;
	return frame_sum(ctx, packet->link_length, ip->ihl * 4) == 0xffff;
}

/* Whether this CPU may give one more answer in the present window. */
static __always_inline bool answer_allowed(__u32 limit)
{
	__u32 index = 0;
	struct window_budget *budget = bpf_map_lookup_elem(&answers, &index);

	return budget &&
	       budget_allows(budget, bpf_ktime_get_coarse_ns() >> ANSWER_WINDOW_SHIFT, limit);
}

/* Who asks for it gets no more than half of all answers: who needs one must not lack it for that.
 */
enum answer_share {
	ANSWER_NEEDED = 0, /* a right shift of the limit */
	ANSWER_ASKED = 1,
};

/*
 * Whether the packet may be answered (RFC 1122, section 3.2.2; RFC 1812, section 4.3.2.7; RFC 4443,
 * section 2.4 (e)); the parser has refused impossible sources. VERDICT_NONE: it may.
 */
static __always_inline enum verdict answer_permitted(struct xdp_md *ctx, struct packet *packet,
						     enum answer_share share,
						     enum verdict otherwise)
{
	if (!link_is_own(ctx, packet))
		return leave_to_others(packet);
	if (packet->flow.is_ipv4 && !ipv4_checksum_holds(ctx, packet))
		return VERDICT_BAD_CHECKSUM;
	if (packet->odd & PACKET_SELF_TEST || listener_of_vip(&packet->flow.source) ||
	    !answer_allowed(answers_per_window >> share))
		return otherwise;
	return VERDICT_NONE;
}

/* What an ICMP error says, beside the packet that it quotes. */
struct answer {
	__u8 type;
	__u8 code;
	__u16 quote; /* so many bytes, a multiple of 4 */
	__be32 rest;
};

/*
 * Cuts the packet down to what is quoted, and makes room for `headers` before it, behind the link's
 * headers; these go back to the sender. NULL: that cannot be done.
 */
static __always_inline void *answer_frame(struct xdp_md *ctx, const struct packet *packet,
					  __u32 headers, __u32 quote)
{
	int surplus = (int)(packet->link_length + quote) - (int)bpf_xdp_get_buff_len(ctx);
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

struct answer_ipv4 {
	struct iphdr ip;
	struct icmp_header icmp;
};

/* RFC 792, RFC 1191. */
__noinline int answer_in_ipv4(struct xdp_md *ctx, const struct packet *packet,
			      const struct answer *answer)
{
	struct answer_ipv4 *headers;
	int sum;

	if (!packet || !answer)
		return -1;
	headers = answer_frame(ctx, packet, sizeof(*headers), answer->quote);
	if (!headers || (void *)(headers + 1) > (void *)(long)ctx->data_end)
		return -1;
	__builtin_memset(headers, 0, sizeof(*headers));
	headers->ip.version = 4;
	headers->ip.ihl = sizeof(headers->ip) / 4;
	headers->ip.tot_len = bpf_htons(sizeof(*headers) + answer->quote);
	headers->ip.frag_off = IPV4_DONT_FRAGMENT;
	headers->ip.ttl = ANSWER_HOP_LIMIT;
	headers->ip.protocol = IPPROTO_ICMP;
	headers->ip.saddr = address_ipv4(&packet->flow.destination);
	headers->ip.daddr = address_ipv4(&packet->flow.source);
	headers->ip.check =
		checksum_fold(bpf_csum_diff(NULL, 0, (void *)&headers->ip, sizeof(headers->ip), 0));
	headers->icmp.type = answer->type;
	headers->icmp.code = answer->code;
	headers->icmp.rest = answer->rest;

	sum = frame_sum(ctx, packet->link_length + sizeof(headers->ip),
			sizeof(headers->icmp) + answer->quote);
	headers = (void *)(long)ctx->data + packet->link_length;
	if (sum < 0 || (void *)(headers + 1) > (void *)(long)ctx->data_end)
		return -1;
	headers->icmp.checksum = checksum_fold(sum);
	return 0;
}

struct answer_ipv6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
};

/* What an ICMPv6 checksum covers beside the message, but for the addresses (RFC 8200, section 8.1).
 */
struct pseudo_header_end {
	__be32 length;
	__be32 protocol;
};

/* RFC 4443, sections 3.1 and 3.2. */
__noinline int answer_in_ipv6(struct xdp_md *ctx, const struct packet *packet,
			      const struct answer *answer)
{
	struct pseudo_header_end pseudo = {.protocol = bpf_htonl(IPPROTO_ICMPV6)};
	struct answer_ipv6 *headers;
	__s64 sum;
	int part;

	if (!packet || !answer)
		return -1;
	headers = answer_frame(ctx, packet, sizeof(*headers), answer->quote);
	if (!headers || (void *)(headers + 1) > (void *)(long)ctx->data_end)
		return -1;
	__builtin_memset(headers, 0, sizeof(*headers));
	headers->ip.version = 6;
	headers->ip.payload_len = bpf_htons(sizeof(headers->icmp) + answer->quote);
	headers->ip.nexthdr = IPPROTO_ICMPV6;
	headers->ip.hop_limit = ANSWER_HOP_LIMIT;
	address_to_ipv6(&headers->ip.saddr, &packet->flow.destination);
	address_to_ipv6(&headers->ip.daddr, &packet->flow.source);
	headers->icmp.type = answer->type;
	headers->icmp.code = answer->code;
	headers->icmp.rest = answer->rest;

	part = frame_sum(ctx, packet->link_length + sizeof(headers->ip),
			 sizeof(headers->icmp) + answer->quote);
	headers = (void *)(long)ctx->data + packet->link_length;
	if (part < 0 || (void *)(headers + 1) > (void *)(long)ctx->data_end)
		return -1;
	pseudo.length = bpf_htonl(sizeof(headers->icmp) + answer->quote);
	sum = bpf_csum_diff(NULL, 0, (void *)&pseudo, sizeof(pseudo), part);
	sum = bpf_csum_diff(NULL, 0, (void *)&headers->ip.saddr, 2 * sizeof(struct in6_addr), sum);
	headers->icmp.checksum = checksum_fold(sum);
	return 0;
}

/* Turns the packet into an ICMP error about it, from the VIP to its sender. */
static __always_inline bool answer_with(struct xdp_md *ctx, struct packet *packet,
					const struct answer *answer)
{
	packet->interface = 0;
	packet->backend = 0; /* the answer is ours */
	if (packet->flow.is_ipv4)
		return !answer_in_ipv4(ctx, packet, answer);
	return !answer_in_ipv6(ctx, packet, answer);
}

#endif
