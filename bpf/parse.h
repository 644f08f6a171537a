/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PARSE_H
#define PARSE_H

#include "ipv4_options.h"
#include "ipv6_extension.h"
#include "link.h"
#include "packet.h"
#include "source.h"
#include "transport.h"

#define IPV4_PLAIN 0x45 /* version 4, and a header without options */

/* The IP packet must lie within the frame; most frames are linear and tell without a helper call.
 */
static __always_inline bool fits_frame(struct xdp_md *ctx, const struct packet *packet,
				       const struct cursor *cursor, enum way way)
{
	__u32 linear = cursor->frame_end - cursor->header;

	if (packet->length <= linear)
		return true;
	return way == GENERAL && packet->length <= bpf_xdp_get_buff_len(ctx) - packet->link_length;
}

static __always_inline enum verdict parse_ipv4(struct xdp_md *ctx, struct packet *packet,
					       struct cursor *cursor, enum way way)
{
	struct iphdr *ip = cursor->header;
	__u32 header_length = sizeof(*ip);
	__be32 source, destination;
	enum verdict verdict;
	__be16 fragment;

	if ((void *)(ip + 1) > cursor->frame_end)
		return VERDICT_TOO_SHORT;
	source = ip->saddr;
	destination = ip->daddr;
	fragment = ip->frag_off;
	packet->flow.is_ipv4 = true;
	packet->flow.protocol = ip->protocol;
	address_from_ipv4(&packet->flow.source, source);
	address_from_ipv4(&packet->flow.destination, destination);
	packet->length = bpf_ntohs(ip->tot_len);
	packet->id = ip->id;
	packet->dont_fragment = fragment & IPV4_DONT_FRAGMENT;
	packet->traffic_class = ip->tos;

	if (*(const __u8 *)ip != IPV4_PLAIN) {
		if (way == PLAIN)
			return VERDICT_NOT_PLAIN;
		if (ip->version != 4)
			return VERDICT_BAD_VERSION;
		header_length = ip->ihl * 4;
		if (header_length < sizeof(*ip) ||
		    cursor->header + header_length > cursor->frame_end)
			return VERDICT_BAD_HEADER_LENGTH;
		verdict = judge_ipv4_options(ctx, packet->link_length + sizeof(*ip),
					     header_length - sizeof(*ip));
		if (verdict != VERDICT_NONE)
			return verdict;
	}
	if (packet->length < header_length || !fits_frame(ctx, packet, cursor, way))
		return VERDICT_BAD_TOTAL_LENGTH;
	if (!ip->ttl)
		return VERDICT_TTL_ZERO;
	if (source_is_odd_ipv4(source, destination)) {
		if (way == PLAIN)
			return VERDICT_NOT_PLAIN;
		verdict = judge_ipv4_source(ctx, packet);
		if (verdict != VERDICT_NONE)
			return verdict;
	}
	if (fragment & IPV4_FRAGMENT) {
		if (way == PLAIN)
			return VERDICT_NOT_PLAIN;
		packet->fragment_id = ip->id;
		if (fragment & IPV4_FRAGMENT_OFFSET) {
			packet->odd |= PACKET_LATER_FRAGMENT;
			return VERDICT_NONE;
		}
		packet->odd |= PACKET_FIRST_FRAGMENT;
	}

	cursor->header += header_length;
	cursor->left = packet->length - header_length;
	return parse_transport(ctx, packet, cursor);
}

static __always_inline enum verdict parse_ipv6_extensions(struct xdp_md *ctx, struct packet *packet,
							  struct cursor *cursor)
{
	struct extension_walk walk = {
		.offset = packet->link_length + sizeof(struct ipv6hdr),
		.left = cursor->left,
		.protocol = packet->flow.protocol,
	};
	enum verdict verdict = skip_ipv6_extensions(ctx, &walk);

	cursor->header = (void *)(long)ctx->data + (walk.offset & OFFSET_MASK);
	cursor->left = walk.left;
	packet->flow.protocol = walk.protocol;
	packet->odd |= walk.fragment;
	packet->fragment_id = walk.fragment_id;
	if (verdict == VERDICT_NONE && packet->odd & PACKET_LINK_LOCAL &&
	    !may_be_link_local(packet))
		return VERDICT_IMPOSSIBLE_SOURCE;
	return verdict;
}

static __always_inline enum verdict parse_ipv6(struct xdp_md *ctx, struct packet *packet,
					       struct cursor *cursor, enum way way)
{
	struct ipv6hdr *ip = cursor->header;
	enum verdict verdict;

	if ((void *)(ip + 1) > cursor->frame_end)
		return VERDICT_TOO_SHORT;
	packet->flow.protocol = ip->nexthdr;
	address_from_ipv6(&packet->flow.source, &ip->saddr);
	address_from_ipv6(&packet->flow.destination, &ip->daddr);
	packet->length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	packet->dont_fragment = IPV4_DONT_FRAGMENT; /* no router fragments an IPv6 packet */
	packet->traffic_class = bpf_ntohs(*(__be16 *)ip) >> 4;

	if (address_is_ipv4(&packet->flow.destination))
		return VERDICT_NOT_VIP; /* v4-mapped on the wire: must not pass for IPv4 */
	if (ip->version != 6)
		return VERDICT_BAD_VERSION;
	if (!fits_frame(ctx, packet, cursor, way))
		return VERDICT_BAD_TOTAL_LENGTH;
	if (!ip->hop_limit)
		return VERDICT_TTL_ZERO;
	if (source_is_odd_ipv6(&packet->flow)) {
		if (way == PLAIN)
			return VERDICT_NOT_PLAIN;
		verdict = judge_ipv6_source(ctx, packet);
		if (verdict != VERDICT_NONE)
			return verdict;
	}

	cursor->header = ip + 1;
	cursor->left = packet->length - sizeof(*ip);
	if (is_ipv6_extension(ip->nexthdr)) {
		if (way == PLAIN)
			return VERDICT_NOT_PLAIN;
		verdict = parse_ipv6_extensions(ctx, packet, cursor);
		if (verdict != VERDICT_NONE || packet->odd & PACKET_LATER_FRAGMENT)
			return verdict;
	}
	return parse_transport(ctx, packet, cursor);
}

/* Leaves the cursor at what the frame carries. */
static __always_inline enum verdict parse_link(struct xdp_md *ctx, struct packet *packet,
					       struct cursor *cursor, enum way way)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;

	cursor->header = ethernet + 1;
	cursor->frame_end = (void *)(long)ctx->data_end;
	packet->link_length = sizeof(*ethernet);
	if (cursor->header > cursor->frame_end)
		return VERDICT_TOO_SHORT;
	packet->link_destination = *(const abi_word *)ethernet;
	cursor->protocol = *(const __be16 *)((const void *)ethernet + 2 * ETH_ALEN);
	if (way == GENERAL && is_vlan(cursor->protocol))
		return skip_vlan_tags(packet, cursor);
	return VERDICT_NONE;
}

/*
 * Fills in what the packet says of itself. VERDICT_NONE: a
 * whole TCP or UDP packet, or a later fragment; a passing verdict: the destination cannot be read;
 * a dropping one: holds if the destination is a VIP.
 */
static __always_inline enum verdict packet_parse(struct xdp_md *ctx, struct packet *packet)
{
	struct cursor cursor;
	enum verdict verdict = parse_link(ctx, packet, &cursor, GENERAL);

	if (verdict != VERDICT_NONE)
		return verdict;
	if (cursor.protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, packet, &cursor, GENERAL);
	if (cursor.protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, packet, &cursor, GENERAL);
	return VERDICT_NOT_IP;
}

/* The same for a plain packet; VERDICT_NOT_PLAIN: it is none. */
static __always_inline enum verdict packet_parse_plain(struct xdp_md *ctx, struct packet *packet)
{
	struct cursor cursor;

	if (parse_link(ctx, packet, &cursor, PLAIN) != VERDICT_NONE)
		return VERDICT_NOT_PLAIN;
	if (cursor.protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, packet, &cursor, PLAIN);
	if (cursor.protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, packet, &cursor, PLAIN);
	return VERDICT_NOT_PLAIN;
}

/* Cuts off what Ethernet padded behind the IP packet: it is not wrapped. */
static __always_inline enum verdict packet_trim(struct xdp_md *ctx, const struct packet *packet)
{
	__u32 wanted = packet->link_length + packet->length;
	__u32 linear = ctx->data_end - ctx->data;
	__u32 frame;

	if (linear == wanted)
		return VERDICT_NONE;
	frame = bpf_xdp_get_buff_len(ctx);
	if (frame > wanted && bpf_xdp_adjust_tail(ctx, (int)(wanted - frame)))
		return VERDICT_BAD_TOTAL_LENGTH;
	return VERDICT_NONE;
}

#endif
