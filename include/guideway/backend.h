/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_BACKEND_H
#define GUIDEWAY_BACKEND_H

#include <guideway/abi.h>

enum backend_flags {
	BACKEND_CONFIGURED = 1 << 0, /* the entry belongs to a backend; number in use */
	BACKEND_ALIVE = 1 << 1,
	BACKEND_NEXT_HOP = 1 << 2, /* MACs, interface and source are known */
	BACKEND_RETIRED =
		1 << 3,		/* in no table any more; its number is free after a grace period */
	BACKEND_LOCAL = 1 << 4, /* on this host: its packets are passed, unwrapped */
	BACKEND_VLAN = 1 << 5,	/* the next hop is behind the VLAN tags of 'vlan' */
	BACKEND_VARIED_SOURCE =
		1 << 6, /* the low 'source_bits' of the outer source are the flow's */
	/* Counts the changes of what lies in several words: a packet that read some of them
	 * before a change and some after it sees another number here. */
	BACKEND_VERSION_ONE = 1 << 12,
	BACKEND_VERSION = 0xf000,
};

enum backend_limits {
	AVAILABILITY_FULL = 256,
	BACKEND_MTU_UNLIMITED = 0xffff, /* nothing but what an IP header can say */
	BACKEND_VLAN_TAGS = 2,
};

/*
 * One (service, backend): one cache line. The agent stores in place while packets read: each
 * MAC shares an aligned 64-bit word with its neighbour field, so that neither is ever seen half
 * written.
 */
struct backend {
	struct address address; /* identity, and the outer destination */
	struct address source;	/* the outer source, of the same family */
	__u8 next_hop_mac[6];
	__u16 flags;	       /* enum backend_flags */
	__u8 interface_mac[6]; /* the Ethernet source */
	__u16 outer_checksum; /* IPv4: one's complement sum of the constant part of the outer header
			       */
	__u32 interface;      /* index of the interface that leads to the next hop */
	__u16 mtu;	      /* bytes of an outer IP packet, or BACKEND_MTU_UNLIMITED */
	__u16 weight;
	__u16 availability; /* 0..AVAILABILITY_FULL */
	__u8 source_bits;   /* host bits of the prefix that outer sources vary in */
	__u8 padding;
	__be16 vlan[BACKEND_VLAN_TAGS]; /* the outermost first; 0 = no second one */
};

#endif
