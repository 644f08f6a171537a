/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ICMP_H
#define ICMP_H

#include "echo.h"
#include "icmp_header.h"
#include "ipv6_extension.h"
#include "listener.h"
#include "packet.h"
#include "source.h"

/* An error is no longer than this, whatever it quotes (RFC 1812, section 4.3.2.3; RFC 4443, section
 * 2.4 (c)). */
#define ICMP_ERROR_LENGTH 576
#define ICMPV6_ERROR_LENGTH 1280
#define LINK_HOP_LIMIT 255   /* of what no router has sent on (RFC 4861, section 7.1) */
#define LISTENER_HOP_LIMIT 1 /* RFC 2710, section 3 */

/* What an error quotes of a transport header at least (RFC 792); the ports come first. */
struct quoted_transport {
	__be16 source_port;
	__be16 destination_port;
	__u8 rest[4];
};

static __always_inline bool is_echo_request(const struct packet *packet,
					    const struct icmp_header *icmp)
{
	return icmp->type == (packet->flow.is_ipv4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST) &&
	       !icmp->code;
}

/* RFC 792, RFC 4443: destination unreachable, time exceeded, parameter problem; IPv6: packet too
 * big. */
static __always_inline bool is_icmp_error(const struct packet *packet,
					  const struct icmp_header *icmp)
{
	if (packet->flow.is_ipv4)
		return icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_TIME_EXCEEDED ||
		       icmp->type == ICMP_PARAMETER_PROBLEM;
	return icmp->type >= ICMPV6_UNREACHABLE && icmp->type <= ICMPV6_PARAMETER_PROBLEM;
}

/*
 * Neighbour discovery of this link, and what else its hosts must tell each other: by such a message
 * a router keeps its entry for a VIP that is on the link. The host's own stack answers and verifies
 * it.
 */
static __always_inline bool is_link_control(struct xdp_md *ctx, const struct packet *packet,
					    const struct icmp_header *icmp)
{
	const struct ipv6hdr *ip = (void *)(long)ctx->data + packet->link_length;

	if (packet->flow.is_ipv4 || (void *)(ip + 1) > (void *)(long)ctx->data_end)
		return false;
	if (ip->hop_limit == LINK_HOP_LIMIT)
		return (icmp->type >= ICMPV6_ROUTER_SOLICITATION &&
			icmp->type <= ICMPV6_REDIRECT) ||
		       icmp->type == ICMPV6_INVERSE_SOLICITATION ||
		       icmp->type == ICMPV6_INVERSE_ADVERTISEMENT ||
		       icmp->type == ICMPV6_PATH_SOLICITATION ||
		       icmp->type == ICMPV6_PATH_ADVERTISEMENT;
	return ip->hop_limit == LISTENER_HOP_LIMIT && packet->odd & PACKET_LINK_LOCAL &&
	       ((icmp->type >= ICMPV6_LISTENER_QUERY && icmp->type <= ICMPV6_LISTENER_DONE) ||
		icmp->type == ICMPV6_LISTENER_REPORT_2);
}

static __always_inline bool same_address(const struct address *a, const struct address *b)
{
	const __u64 *left = (const __u64 *)a->bytes, *right = (const __u64 *)b->bytes;

	return left[0] == right[0] && left[1] == right[1];
}

/* What an error quotes: a packet of the VIP to its client. */
struct quoted_packet {
	struct address vip;
	struct address client;
	struct extension_walk rest; /* behind its IP header */
};

static __always_inline bool read_quoted_ipv4(struct xdp_md *ctx, struct quoted_packet *quoted)
{
	struct iphdr *ip = (void *)(long)ctx->data + (quoted->rest.offset & OFFSET_MASK);
	__u32 header_length;

	if (quoted->rest.left < sizeof(*ip) || (void *)(ip + 1) > (void *)(long)ctx->data_end)
		return false;
	header_length = ip->ihl * 4;
	if (ip->version != 4 || header_length < sizeof(*ip) || header_length > quoted->rest.left ||
	    ip->frag_off & IPV4_FRAGMENT_OFFSET ||
	    bpf_ntohs(ip->tot_len) < header_length + sizeof(struct quoted_transport))
		return false;
	address_from_ipv4(&quoted->vip, ip->saddr);
	address_from_ipv4(&quoted->client, ip->daddr);
	quoted->rest.protocol = ip->protocol;
	quoted->rest.offset += header_length;
	quoted->rest.left -= header_length;
	return true;
}

static __always_inline bool read_quoted_ipv6(struct xdp_md *ctx, struct quoted_packet *quoted)
{
	struct ipv6hdr *ip = (void *)(long)ctx->data + (quoted->rest.offset & OFFSET_MASK);

	if (quoted->rest.left < sizeof(*ip) || (void *)(ip + 1) > (void *)(long)ctx->data_end ||
	    ip->version != 6 || bpf_ntohs(ip->payload_len) < sizeof(struct quoted_transport))
		return false;
	address_from_ipv6(&quoted->vip, &ip->saddr);
	address_from_ipv6(&quoted->client, &ip->daddr);
	quoted->rest.protocol = ip->nexthdr;
	quoted->rest.offset += sizeof(*ip);
	quoted->rest.left -= sizeof(*ip);
	return skip_ipv6_extensions(ctx, &quoted->rest) == VERDICT_NONE &&
	       quoted->rest.fragment != PACKET_LATER_FRAGMENT;
}

/* Whether anybody can have had the packet that is quoted. */
static __always_inline enum verdict quoted_client_judge(struct xdp_md *ctx, struct packet *packet)
{
	return packet->flow.is_ipv4 ? judge_ipv4_source(ctx, packet)
				    : judge_ipv6_source(ctx, packet);
}

/*
 * An error about a flow through the VIP: makes the packet one of that flow, so that it finds the
 * backend whose packet is quoted.
 */
static __always_inline enum verdict read_icmp_error(struct xdp_md *ctx, struct packet *packet)
{
	struct quoted_packet quoted = {
		.rest =
			{
				.offset = packet->transport + sizeof(struct icmp_header),
				.left = packet->transport_left - sizeof(struct icmp_header),
			},
	};
	struct quoted_transport *transport;

	if (packet->length > (packet->flow.is_ipv4 ? ICMP_ERROR_LENGTH : ICMPV6_ERROR_LENGTH))
		return VERDICT_BAD_ICMP_ERROR;
	if (!(packet->flow.is_ipv4 ? read_quoted_ipv4(ctx, &quoted)
				   : read_quoted_ipv6(ctx, &quoted)))
		return VERDICT_BAD_ICMP_ERROR;
	if (!same_address(&quoted.vip, &packet->flow.destination))
		return VERDICT_BAD_ICMP_ERROR;
	if (quoted.rest.protocol != IPPROTO_TCP && quoted.rest.protocol != IPPROTO_UDP)
		return VERDICT_ICMP;
	transport = (void *)(long)ctx->data + (quoted.rest.offset & OFFSET_MASK);
	if (quoted.rest.left < sizeof(*transport) ||
	    (void *)(transport + 1) > (void *)(long)ctx->data_end)
		return VERDICT_BAD_ICMP_ERROR;

	packet->flow.source = quoted.client;
	packet->flow.source_port = transport->destination_port;
	packet->flow.destination_port = transport->source_port;
	packet->flow.protocol = quoted.rest.protocol;
	packet->odd |= PACKET_ICMP_ERROR;
	if (quoted_client_judge(ctx, packet) != VERDICT_NONE)
		return VERDICT_BAD_ICMP_ERROR;
	return VERDICT_NONE;
}

/* Whether the service gets one more error in the present window: nobody vouches for them. */
__noinline int icmp_error_allowed(__u32 service)
{
	struct window_budget *budget = bpf_map_lookup_elem(&icmp_errors, &service);

	return budget && budget_allows(budget, bpf_ktime_get_coarse_ns() >> ANSWER_WINDOW_SHIFT,
				       errors_per_window);
}

/* Answers an echo request; VERDICT_NONE: an error, to be sent where its flow is. */
__noinline int icmp_read(struct xdp_md *ctx, struct packet *packet)
{
	struct icmp_header *icmp;

	if (!packet)
		return VERDICT_ICMP;
	icmp = (void *)(long)ctx->data + (packet->transport & OFFSET_MASK);
	if (packet->odd & PACKET_FRAGMENT)
		return VERDICT_FRAGMENT;
	if (packet->transport_left < sizeof(*icmp) ||
	    (void *)(icmp + 1) > (void *)(long)ctx->data_end)
		return VERDICT_BAD_TRANSPORT_HEADER;
	if (is_link_control(ctx, packet, icmp))
		return listener_is_vip(packet) ? VERDICT_LINK_CONTROL : VERDICT_NOT_VIP;
	if (packet->odd & PACKET_LINK_LOCAL)
		return VERDICT_IMPOSSIBLE_SOURCE;
	if (is_icmp_error(packet, icmp))
		return read_icmp_error(ctx, packet);
	if (is_echo_request(packet, icmp) && listener_is_vip(packet))
		return echo_answer(ctx, packet);
	return VERDICT_ICMP;
}

#endif
