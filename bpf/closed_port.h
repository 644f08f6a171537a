/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CLOSED_PORT_H
#define CLOSED_PORT_H

#include "answer.h"

/*
 * What becomes of a packet to a port of a VIP on which nobody listens. UDP may be answered, as a
 * host does (RFC 1122, section 4.1.3.1): a traceroute ends by that.
 */
__noinline int closed_port(struct xdp_md *ctx, struct packet *packet)
{
	const struct listener *vip;
	struct answer answer = {};
	enum verdict verdict;

	if (!packet || packet->flow.protocol != IPPROTO_UDP || packet->odd & PACKET_ICMP_ERROR)
		return VERDICT_NO_LISTENER;
	vip = listener_of_vip(&packet->flow.destination);
	if (!vip || !(vip->flags & LISTENER_ANSWER_CLOSED))
		return VERDICT_NO_LISTENER;
	verdict = answer_permitted(ctx, packet, ANSWER_ASKED, VERDICT_NO_LISTENER);
	if (verdict != VERDICT_NONE)
		return verdict;

	answer.type = packet->flow.is_ipv4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE;
	answer.code = packet->flow.is_ipv4 ? ICMP_PORT_UNREACHABLE : ICMPV6_PORT_UNREACHABLE;
	answer.quote = packet->length < QUOTE_LENGTH ? packet->length & ~3U : QUOTE_LENGTH;
	return answer_with(ctx, packet, &answer) ? VERDICT_CLOSED_ANSWERED : VERDICT_NO_HEADROOM;
}

#endif
