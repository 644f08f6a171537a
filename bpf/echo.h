/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ECHO_H
#define ECHO_H

#include "answer.h"

static __always_inline bool echo_turn_ipv4(struct iphdr *ip, void *end)
{
	__u16 *ttl_and_protocol = (__u16 *)&ip->ttl;
	__be32 client;
	__u16 before;

	if ((void *)(ip + 1) > end)
		return false;
	client = ip->saddr;
	before = *ttl_and_protocol;
	ip->saddr = ip->daddr;
	ip->daddr = client;
	ip->ttl = ANSWER_HOP_LIMIT;
	ip->check = checksum_update(ip->check, before, *ttl_and_protocol);
	return true;
}

static __always_inline bool echo_turn_ipv6(struct ipv6hdr *ip, void *end)
{
	struct in6_addr client;

	if ((void *)(ip + 1) > end)
		return false;
	client = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = client;
	ip->hop_limit = ANSWER_HOP_LIMIT;
	return true;
}

/*
 * Only the type changes under the checksum. A message of zeros has the checksum 0xffff, which the
 * update gives as 0; any other may have it either way.
 */
static __always_inline void echo_turn_message(struct icmp_header *icmp, __u8 reply)
{
	__u16 *type_and_code = (__u16 *)icmp;
	__u16 before = *type_and_code;

	icmp->type = reply;
	icmp->checksum = checksum_update(icmp->checksum, before, *type_and_code);
	if (!icmp->checksum && !icmp->rest && !*type_and_code)
		icmp->checksum = 0xffff;
}

/* Turns an echo request into its reply, in place. */
static __always_inline enum verdict echo_answer(struct xdp_md *ctx, struct packet *packet)
{
	enum verdict verdict = answer_permitted(ctx, packet, ANSWER_ASKED, VERDICT_ECHO_UNANSWERED);
	struct icmp_header *icmp = (void *)(long)ctx->data + (packet->transport & OFFSET_MASK);
	void *ip = (void *)(long)ctx->data + packet->link_length;
	void *end = (void *)(long)ctx->data_end;

	if (verdict != VERDICT_NONE)
		return verdict;
	if ((void *)(icmp + 1) > end || !link_turn(ctx))
		return VERDICT_BAD_TRANSPORT_HEADER;
	if (packet->flow.is_ipv4) {
		if (!echo_turn_ipv4(ip, end))
			return VERDICT_BAD_TRANSPORT_HEADER;
		echo_turn_message(icmp, ICMP_ECHO_REPLY);
	} else {
		if (!echo_turn_ipv6(ip, end))
			return VERDICT_BAD_TRANSPORT_HEADER;
		echo_turn_message(icmp, ICMPV6_ECHO_REPLY);
	}
	return VERDICT_ECHO_ANSWERED;
}

#endif
