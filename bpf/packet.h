/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "address.h"
#include "ipv4.h"
#include "maps.h"

/* What nearly every packet has nothing of. */
enum packet_oddity {
	PACKET_FIRST_FRAGMENT = 1 << 0,
	PACKET_LATER_FRAGMENT = 1 << 1, /* has no ports */
	PACKET_ICMP_ERROR = 1 << 2,	/* about 'flow', which is then none that the header tells */
	PACKET_LINK_LOCAL = 1 << 3,	/* no router may send it on */
	PACKET_SELF_TEST = 1 << 4,	/* the agent's: counted and recorded nowhere */
	PACKET_FRAGMENT = PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT,
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
	__u8 odd;	    /* enum packet_oddity */
	bool own;	    /* the frame is known to be for this host */
	bool has_chance;    /* it may belong to a former owner of its slot, */
	__u8 hop_count;	    /* and names so many of them */
	__be32 fragment_id;
	__u32 transport;	/* ICMP: where its header begins in the frame, */
	__u32 transport_left;	/* and how much of the packet is left there */
	__u64 link_destination; /* low 6 bytes: the MAC address that the frame is for */

	__u32 service; /* number; 0 = not known */
	__u32 slot;
	__u32 backend;	 /* index in 'backends'; 0 = not known */
	__u32 interface; /* that it leaves by; 0 = the one it came from */
	__u32 decided;	 /* PACKET_DECIDED and the backend number, if the slot moves */
	__u64 hash;
};

#define PACKET_DECIDED (1 << 16)

/*
 * The verbs are compiled twice, for two ways; a rule stands once. Nearly every packet goes PLAIN:
 * no function there that is not inlined gets struct packet, so the compiler keeps it in registers.
 * Where a verb would need more it returns VERDICT_NOT_PLAIN, and the packet begins anew on the way
 * GENERAL. Nothing has been changed or counted until then but for a moving slot, whose decision the
 * packet takes along.
 */
enum way {
	PLAIN,
	GENERAL,
};

#define VERDICT_NOT_PLAIN ((enum verdict)VERDICT_MAX)

/* What a parser walks along: the next header's place, and how many bytes of the packet are left
 * there. */
struct cursor {
	void *header;
	void *frame_end;
	__u32 left;
	__be16 protocol; /* Ethernet type of what is there */
};

/* Who sent the packet whose IP header is 'offset' bytes into the frame. */
static __always_inline bool read_sender(struct xdp_md *ctx, __u32 offset, bool is_ipv4,
					struct address *sender)
{
	const void *header = (void *)(long)ctx->data + offset;
	const void *end = (void *)(long)ctx->data_end;
	const struct ipv6hdr *ipv6 = header;
	const struct iphdr *ipv4 = header;

	if (is_ipv4) {
		if ((void *)(ipv4 + 1) > end)
			return false;
		address_from_ipv4(sender, ipv4->saddr);
	} else {
		if ((void *)(ipv6 + 1) > end)
			return false;
		address_from_ipv6(sender, &ipv6->saddr);
	}
	return true;
}

/* Functions that are verified by themselves get no pointers into the frame, but offsets; this tells
 * the verifier how far one can be. */
#define OFFSET_MASK 0x7fff

#endif
