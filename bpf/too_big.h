/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TOO_BIG_H
#define TOO_BIG_H

#include "answer.h"

#define IPV6_MTU_MIN 1280

/*
 * What becomes of a packet that, wrapped, is above the MTU on the way to its backend. VERDICT_NONE:
 * it is sent nevertheless, as an IPv6 sender cannot be told to send less than IPV6_MTU_MIN.
 */
__noinline int too_big(struct xdp_md *ctx, struct packet *packet, __u32 mtu, __u32 overhead)
{
	__u32 limit = mtu > overhead ? mtu - overhead : 0;
	struct answer answer = {.quote = QUOTE_LENGTH};
	enum verdict verdict;

	if (!packet || mtu == BACKEND_MTU_UNLIMITED)
		return VERDICT_TOO_LONG;
	if (!packet->flow.is_ipv4 && packet->length <= IPV6_MTU_MIN)
		return VERDICT_NONE;
	if (!packet->dont_fragment)
		return VERDICT_TOO_BIG_NO_DF;
	/* RFC 1122, section 3.2.2; RFC 4443, section 2.4 (e) */
	if (packet->odd & PACKET_ICMP_ERROR ||
	    (packet->flow.is_ipv4 && packet->odd & PACKET_LATER_FRAGMENT) ||
	    packet->length < QUOTE_LENGTH)
		return VERDICT_TOO_BIG_UNANSWERED;
	verdict = answer_permitted(ctx, packet, ANSWER_NEEDED, VERDICT_TOO_BIG_UNANSWERED);
	if (verdict != VERDICT_NONE)
		return verdict;

	if (packet->flow.is_ipv4) {
		answer.type = ICMP_UNREACHABLE;
		answer.code = ICMP_FRAGMENTATION_NEEDED;
	} else {
		answer.type = ICMPV6_PACKET_TOO_BIG;
		if (limit < IPV6_MTU_MIN)
			limit = IPV6_MTU_MIN;
	}
	answer.rest = bpf_htonl(limit);
	return answer_with(ctx, packet, &answer) ? VERDICT_TOO_BIG_ANSWERED : VERDICT_NO_HEADROOM;
}

#endif
