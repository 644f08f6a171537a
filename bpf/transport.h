/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <linux/tcp.h>
#include <linux/udp.h>

#include "packet.h"

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

#define TCP_DATA_OFFSET bpf_htons(0xf000)
#define TCP_SYN bpf_htons(0x0002)
#define TCP_ACK bpf_htons(0x0010)

/* Data offset and flags. */
static __always_inline __be16 tcp_word(const struct tcphdr *tcp)
{
	return ((const __be16 *)tcp)[6];
}

/* A first fragment's options may be in the next one. */
static __always_inline bool tcp_header_fits(const struct packet *packet,
					    const struct cursor *cursor, __be16 word)
{
	__u32 length = (word & TCP_DATA_OFFSET) >> 2;

	if (length < sizeof(struct tcphdr))
		return false;
	return length <= cursor->left ||
	       (packet->odd & PACKET_FIRST_FRAGMENT && cursor->left >= sizeof(struct tcphdr));
}

static __always_inline enum verdict parse_transport(struct xdp_md *ctx, struct packet *packet,
						    const struct cursor *cursor)
{
	if (packet->flow.protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = cursor->header;
		__be16 word;

		if ((void *)(tcp + 1) > cursor->frame_end)
			return VERDICT_BAD_TRANSPORT_HEADER;
		word = tcp_word(tcp);
		if (!tcp_header_fits(packet, cursor, word))
			return VERDICT_BAD_TRANSPORT_HEADER;
		packet->flow.source_port = tcp->source;
		packet->flow.destination_port = tcp->dest;
		packet->starts_flow = (word & (TCP_SYN | TCP_ACK)) == TCP_SYN;
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

#endif
