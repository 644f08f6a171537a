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
#define IPV6_FRAGMENT bpf_htons(0xfff9)
#define IPV6_EXTENSION_HEADERS 8 /* followed at most; real packets have one or two */

struct packet {
	struct flow flow;

	__u32 length; /* of the IP packet, as its header says */
	__be16 id;
	__be16 dont_fragment;
	__u8 traffic_class; /* IPv4: TOS */
	__u8 kind;	    /* enum flow_kind */
	bool starts_flow;   /* TCP: SYN without ACK; QUIC: an Initial packet */
	bool quic_initial;  /* if the UDP packet is QUIC */

	__u32 service; /* number; 0 = not known */
	__u32 slot;
	__u32 backend; /* index in 'backends'; 0 = not known */
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

static __always_inline enum verdict parse_transport(struct packet *packet,
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
	if (packet->flow.protocol == (packet->flow.is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return VERDICT_ICMP;
	return VERDICT_UNKNOWN_PROTOCOL;
}

/* The IP packet must lie within the frame; most frames are linear and tell without a helper call.
 */
static __always_inline bool fits_frame(struct xdp_md *ctx, const struct cursor *cursor,
				       __u32 length)
{
	__u32 linear = cursor->frame_end - cursor->header;

	return length <= linear || length <= bpf_xdp_get_buff_len(ctx) - sizeof(struct ethhdr);
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
	if (packet->length < header_length || !fits_frame(ctx, cursor, packet->length))
		return VERDICT_BAD_TOTAL_LENGTH;
	if (ip->frag_off & IPV4_FRAGMENT)
		return VERDICT_FRAGMENT;

	cursor->header += header_length;
	cursor->left = packet->length - header_length;
	return parse_transport(packet, cursor);
}

struct ipv6_extension {
	__u8 next_header;
	__u8 length;		/* in 8 bytes, less the first 8; AH: in 4 bytes, less the first 8 */
	__be16 fragment_offset; /* of a fragment header */
	__be32 fragment_id;
};

/* Leaves the cursor behind the extension headers, and the transport protocol in the packet. */
static __always_inline enum verdict skip_ipv6_extensions(struct packet *packet,
							 struct cursor *cursor)
{
	for (int i = 0; i <= IPV6_EXTENSION_HEADERS; i++) {
		struct ipv6_extension *extension = cursor->header;
		__u8 kind = packet->flow.protocol;
		__u32 length;

		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS &&
		    kind != IPPROTO_FRAGMENT && kind != IPPROTO_AH)
			return VERDICT_NONE;
		if ((void *)(extension + 1) > cursor->frame_end)
			return VERDICT_BAD_EXTENSION_HEADERS;
		if (kind == IPPROTO_FRAGMENT && extension->fragment_offset & IPV6_FRAGMENT)
			return VERDICT_FRAGMENT;

		if (kind == IPPROTO_FRAGMENT)
			length = sizeof(*extension);
		else if (kind == IPPROTO_AH)
			length = (extension->length + 2) * 4;
		else
			length = (extension->length + 1) * 8;
		if (length > cursor->left)
			return VERDICT_BAD_EXTENSION_HEADERS;
		packet->flow.protocol = extension->next_header;
		cursor->header += length;
		cursor->left -= length;
	}
	return VERDICT_BAD_EXTENSION_HEADERS;
}

static __always_inline enum verdict parse_ipv6(struct xdp_md *ctx, struct packet *packet,
					       struct cursor *cursor)
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
	if (!fits_frame(ctx, cursor, packet->length))
		return VERDICT_BAD_TOTAL_LENGTH;

	cursor->header = ip + 1;
	cursor->left = packet->length - sizeof(*ip);
	verdict = skip_ipv6_extensions(packet, cursor);
	if (verdict != VERDICT_NONE)
		return verdict;
	return parse_transport(packet, cursor);
}

/*
 * Fills in what the packet says of itself. VERDICT_NONE: a whole TCP or UDP packet; a passing
 * verdict: the destination cannot be read; a dropping one: holds if the destination is a VIP.
 */
static __always_inline enum verdict packet_parse(struct xdp_md *ctx, struct packet *packet)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct cursor cursor = {
		.header = ethernet + 1,
		.frame_end = (void *)(long)ctx->data_end,
	};

	if (cursor.header > cursor.frame_end)
		return VERDICT_TOO_SHORT;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, packet, &cursor);
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, packet, &cursor);
	return VERDICT_NOT_IP;
}

/* Cuts off what Ethernet padded behind the IP packet: it is not wrapped. */
static __always_inline enum verdict packet_trim(struct xdp_md *ctx, const struct packet *packet)
{
	__u32 wanted = sizeof(struct ethhdr) + packet->length;
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
