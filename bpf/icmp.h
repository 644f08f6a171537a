/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ICMP_H
#define ICMP_H

#include "echo.h"
#include "icmp_header.h"
#include "listener.h"
#include "packet.h"

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
	    ip->frag_off & IPV4_FRAGMENT_OFFSET)
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
	    ip->version != 6)
		return false;
	address_from_ipv6(&quoted->vip, &ip->saddr);
	address_from_ipv6(&quoted->client, &ip->daddr);
	quoted->rest.protocol = ip->nexthdr;
	quoted->rest.offset += sizeof(*ip);
	quoted->rest.left -= sizeof(*ip);
	return skip_ipv6_extensions(ctx, &quoted->rest) == VERDICT_NONE &&
	       quoted->rest.fragment != FRAGMENT_LATER;
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
	packet->icmp_error = true;
	return VERDICT_NONE;
}

/* Answers an echo request; VERDICT_NONE: an error, to be sent where its flow is. */
__noinline int icmp_read(struct xdp_md *ctx, struct packet *packet)
{
	struct icmp_header *icmp;

	if (!packet)
		return VERDICT_ICMP;
	icmp = (void *)(long)ctx->data + (packet->transport & OFFSET_MASK);
	if (packet->fragment)
		return VERDICT_FRAGMENT;
	if (packet->transport_left < sizeof(*icmp) ||
	    (void *)(icmp + 1) > (void *)(long)ctx->data_end)
		return VERDICT_BAD_TRANSPORT_HEADER;
	if (is_icmp_error(packet, icmp))
		return read_icmp_error(ctx, packet);
	if (is_echo_request(packet, icmp) && listener_is_vip(packet))
		return echo_answer(ctx, packet, icmp);
	return VERDICT_ICMP;
}

#endif
