/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "address.h"
#include "maps.h"

#define IPV4_DONT_FRAGMENT bpf_htons(0x4000)
#define IPV4_FRAGMENT bpf_htons(0x3fff) /* more fragments, or an offset */
#define IPV4_FRAGMENT_OFFSET bpf_htons(0x1fff)
#define IPV6_FRAGMENT bpf_htons(0xfff9)
#define IPV6_FRAGMENT_OFFSET bpf_htons(0xfff8)
#define IPV6_EXTENSION_HEADERS 8 /* followed at most; real packets have one or two */
#define VLAN_TAGS 2		 /* followed at most */

/* Of a datagram that was cut up. */
enum fragment_place {
	FRAGMENT_NONE = 0,
	FRAGMENT_FIRST = 1,
	FRAGMENT_LATER = 2, /* has no ports */
};

struct packet {
	struct flow flow;

	__u32 length; /* of the IP packet, as its header says */
	__be16 id;
	__be16 dont_fragment;
	__u8 traffic_class; /* IPv4: TOS */
	__u8 kind;	    /* enum flow_kind */
	bool starts_flow;   /* TCP: SYN without ACK; QUIC: an Initial packet */
	bool quic_initial;  /* if the UDP packet is QUIC */
	__u8 link_length;   /* of Ethernet header and VLAN tags */
	__u8 fragment;	    /* enum fragment_place */
	bool icmp_error;    /* about 'flow', which is then none that the header tells */
	__be32 fragment_id;
	__u32 transport;      /* ICMP: where its header begins in the frame, */
	__u32 transport_left; /* and how much of the packet is left there */

	__u32 service; /* number; 0 = not known */
	__u32 slot;
	__u32 backend;	 /* index in 'backends'; 0 = not known */
	__u32 interface; /* that it leaves by; 0 = the one it came from */
	__u64 hash;
};

/*
 * Whether the source is 0.0.0.0 or ::, which no client has. The agent proves the datapath with such
 * packets: they are neither counted nor recorded.
 */
static __always_inline bool packet_is_proof(const struct packet *packet)
{
	const abi_word *source = (const abi_word *)packet->flow.source.bytes;

	if (source[1] >> 32)
		return false; /* nearly every packet */
	return !source[0] && (!source[1] || address_is_ipv4(&packet->flow.source));
}

/* What a parser walks along: the next header's place, and how many bytes of the packet are left
 * there. */
struct cursor {
	void *header;
	void *frame_end;
	__u32 left;
};

#define OFFSET_MASK 0x7fff /* tells the verifier how far an offset into the frame can be */

/* The same for functions that are verified by themselves: they get no pointers into the frame. */
struct extension_walk {
	__u32 offset;
	__u32 left;
	__be32 fragment_id;
	__u8 protocol; /* of the next header */
	__u8 fragment; /* enum fragment_place */
	__u16 padding;
};

#define QUIC_VERSION_2 bpf_htonl(0x6b3343cf)

/* The first byte and the version of a long header (RFC 8999, section 5.1). */
struct quic_header {
	__u8 first;
	__be32 version;
} __attribute__((packed));

/* RFC 9000, section 17.2.2; version 2 has another packet type (RFC 9369, section 3.2). */
static __always_inline bool is_quic_initial(const struct udphdr *udp, const struct cursor *cursor)
{
	const struct quic_header *quic = (const void *)(udp + 1);

	if (cursor->left < sizeof(*udp) + sizeof(*quic) || (void *)(quic + 1) > cursor->frame_end)
		return false;
	return (quic->first & 0xf0) == (quic->version == QUIC_VERSION_2 ? 0xd0 : 0xc0);
}

static __always_inline enum verdict parse_transport(struct xdp_md *ctx, struct packet *packet,
						    const struct cursor *cursor)
{
	if (packet->flow.protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = cursor->header;

		if (cursor->left < sizeof(*tcp) || (void *)(tcp + 1) > cursor->frame_end)
			return VERDICT_BAD_TRANSPORT_HEADER;
		packet->flow.source_port = tcp->source;
		packet->flow.destination_port = tcp->dest;
		packet->starts_flow = tcp->syn && !tcp->ack;
		return VERDICT_NONE;
	}
	if (packet->flow.protocol == IPPROTO_UDP) {
		struct udphdr *udp = cursor->header;

		if (cursor->left < sizeof(*udp) || (void *)(udp + 1) > cursor->frame_end)
			return VERDICT_BAD_TRANSPORT_HEADER;
		packet->flow.source_port = udp->source;
		packet->flow.destination_port = udp->dest;
		packet->quic_initial = is_quic_initial(udp, cursor);
		return VERDICT_NONE;
	}
	if (packet->flow.protocol == (packet->flow.is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		packet->transport = cursor->header - (void *)(long)ctx->data;
		packet->transport_left = cursor->left;
		return VERDICT_ICMP;
	}
	return VERDICT_UNKNOWN_PROTOCOL;
}

/* The IP packet must lie within the frame; most frames are linear and tell without a helper call.
 */
static __always_inline bool fits_frame(struct xdp_md *ctx, const struct packet *packet,
				       const struct cursor *cursor)
{
	__u32 linear = cursor->frame_end - cursor->header;

	return packet->length <= linear ||
	       packet->length <= bpf_xdp_get_buff_len(ctx) - packet->link_length;
}

static __always_inline enum verdict parse_ipv4(struct xdp_md *ctx, struct packet *packet,
					       struct cursor *cursor)
{
	struct iphdr *ip = cursor->header;
	__u32 header_length;

	if ((void *)(ip + 1) > cursor->frame_end)
		return VERDICT_TOO_SHORT;
	packet->flow.is_ipv4 = true;
	packet->flow.protocol = ip->protocol;
	address_from_ipv4(&packet->flow.source, ip->saddr);
	address_from_ipv4(&packet->flow.destination, ip->daddr);
	packet->length = bpf_ntohs(ip->tot_len);
	packet->id = ip->id;
	packet->dont_fragment = ip->frag_off & IPV4_DONT_FRAGMENT;
	packet->traffic_class = ip->tos;

	if (ip->version != 4)
		return VERDICT_BAD_VERSION;
	header_length = ip->ihl * 4;
	if (header_length < sizeof(*ip) || cursor->header + header_length > cursor->frame_end)
		return VERDICT_BAD_HEADER_LENGTH;
	if (packet->length < header_length || !fits_frame(ctx, packet, cursor))
		return VERDICT_BAD_TOTAL_LENGTH;
	if (ip->frag_off & IPV4_FRAGMENT) {
		packet->fragment_id = ip->id;
		packet->fragment = FRAGMENT_FIRST;
		if (ip->frag_off & IPV4_FRAGMENT_OFFSET) {
			packet->fragment = FRAGMENT_LATER;
			return VERDICT_NONE;
		}
	}

	cursor->header += header_length;
	cursor->left = packet->length - header_length;
	return parse_transport(ctx, packet, cursor);
}

struct ipv6_extension {
	__u8 next_header;
	__u8 length;		/* in 8 bytes, less the first 8; AH: in 4 bytes, less the first 8 */
	__be16 fragment_offset; /* of a fragment header */
	__be32 fragment_id;
};

static __always_inline bool is_ipv6_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

static __always_inline void note_ipv6_fragment(struct extension_walk *walk,
					       const struct ipv6_extension *header)
{
	if (!(header->fragment_offset & IPV6_FRAGMENT))
		return; /* a whole packet (RFC 6946) */
	walk->fragment_id = header->fragment_id;
	walk->fragment =
		header->fragment_offset & IPV6_FRAGMENT_OFFSET ? FRAGMENT_LATER : FRAGMENT_FIRST;
}

/*
 * Walks behind the extension headers, to the transport header; behind the fragment header of a
 * later fragment there is nothing to follow. A function of its own for the verifier, which would
 * else follow every way here through every way inside; so are all that a plain packet does not
 * need.
 */
__noinline int skip_ipv6_extensions(struct xdp_md *ctx, struct extension_walk *walk)
{
	if (!walk)
		return VERDICT_BAD_EXTENSION_HEADERS;
	for (int i = 0; i <= IPV6_EXTENSION_HEADERS; i++) {
		struct ipv6_extension *extension =
			(void *)(long)ctx->data + (walk->offset & OFFSET_MASK);
		__u8 kind = walk->protocol;
		__u32 length;

		if (!is_ipv6_extension(kind))
			return VERDICT_NONE;
		if ((void *)(extension + 1) > (void *)(long)ctx->data_end)
			return VERDICT_BAD_EXTENSION_HEADERS;

		if (kind == IPPROTO_FRAGMENT)
			length = sizeof(*extension);
		else if (kind == IPPROTO_AH)
			length = (extension->length + 2) * 4;
		else
			length = (extension->length + 1) * 8;
		if (length > walk->left)
			return VERDICT_BAD_EXTENSION_HEADERS;
		if (kind == IPPROTO_FRAGMENT) {
			note_ipv6_fragment(walk, extension);
			if (walk->fragment == FRAGMENT_LATER)
				return VERDICT_NONE;
		}
		walk->protocol = extension->next_header;
		walk->offset += length;
		walk->left -= length;
	}
	return VERDICT_BAD_EXTENSION_HEADERS;
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
	packet->fragment = walk.fragment;
	packet->fragment_id = walk.fragment_id;
	return verdict;
}

static __always_inline enum verdict parse_ipv6(struct xdp_md *ctx, struct packet *packet,
					       struct cursor *cursor)
{
	struct ipv6hdr *ip = cursor->header;

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
	if (!fits_frame(ctx, packet, cursor))
		return VERDICT_BAD_TOTAL_LENGTH;

	cursor->header = ip + 1;
	cursor->left = packet->length - sizeof(*ip);
	if (is_ipv6_extension(ip->nexthdr)) {
		enum verdict verdict = parse_ipv6_extensions(ctx, packet, cursor);

		if (verdict != VERDICT_NONE || packet->fragment == FRAGMENT_LATER)
			return verdict;
	}
	return parse_transport(ctx, packet, cursor);
}

struct vlan_tag {
	__be16 control;
	__be16 protocol; /* of what follows */
};

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* Leaves the cursor behind the tags; returns the protocol there, 0 if the frame ends before. */
static __always_inline __be16 skip_vlan_tags(struct packet *packet, struct cursor *cursor,
					     __be16 protocol)
{
	for (int i = 0; i < VLAN_TAGS && is_vlan(protocol); i++) {
		struct vlan_tag *tag = cursor->header;

		if ((void *)(tag + 1) > cursor->frame_end)
			return 0;
		protocol = tag->protocol;
		cursor->header = tag + 1;
		packet->link_length += sizeof(*tag);
	}
	return protocol;
}

/*
 * Fills in what the packet says of itself. VERDICT_NONE: a
 * whole TCP or UDP packet, or a later fragment; a passing verdict: the destination cannot be read;
 * a dropping one: holds if the destination is a VIP.
 */
static __always_inline enum verdict packet_parse(struct xdp_md *ctx, struct packet *packet)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct cursor cursor = {
		.header = ethernet + 1,
		.frame_end = (void *)(long)ctx->data_end,
	};
	__be16 protocol;

	packet->link_length = sizeof(*ethernet);
	if (cursor.header > cursor.frame_end)
		return VERDICT_TOO_SHORT;
	protocol = ethernet->h_proto;
	if (is_vlan(protocol)) {
		protocol = skip_vlan_tags(packet, &cursor, protocol);
		if (!protocol)
			return VERDICT_TOO_SHORT;
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, packet, &cursor);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, packet, &cursor);
	return VERDICT_NOT_IP;
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
