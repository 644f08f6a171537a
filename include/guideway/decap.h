/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_DECAP_H
#define GUIDEWAY_DECAP_H

#include <guideway/abi.h>

/* What the backend's program did with a packet, counted in 'decap_stats'. */
enum decap_verdict {
	DECAP_UNWRAPPED = 0,
	DECAP_NOT_TUNNELLED = 1,    /* passed: no IPIP, GRE or GUE packet */
	DECAP_UNKNOWN_BALANCER = 2, /* passed: the outer source is no configured balancer */
	DECAP_UNKNOWN_VIP = 3,	    /* passed: the inner destination is no configured VIP */
	DECAP_OUTER_FRAGMENT =
		4, /* passed: the path towards this backend is too narrow for the outer packet */
	DECAP_MALFORMED = 5, /* passed: lengths that contradict each other */
	DECAP_CONGESTED = 6, /* dropped: the underlay marked congestion, and the sender knows no
				marks (RFC 6040) */
	/* Of packets that name former owners of their slot (guideway/chance.h): */
	DECAP_OWN = 7,	     /* unwrapped: it belongs to a socket of this host, or nobody is left */
	DECAP_HANDED_ON = 8, /* sent to the next of them */
	DECAP_UNRESOLVED = 9,  /* dropped: the way to the next of them is not known */
	DECAP_HOP_LIMIT = 10,  /* dropped: handed on too often */
	DECAP_BAD_CHANCE = 11, /* passed: its list contradicts its length */
	DECAP_VERDICT_MAX = 16,
};

enum decap_limits {
	DECAP_BALANCERS_MAX = 1024,
	DECAP_PEERS_MAX = 32768,
	DECAP_DATAGRAMS_MAX = 4096, /* whose fragments are on their way */
	DECAP_VIPS_MAX = 4096,
	DECAP_VIP_PREFIXES_MAX = 1024,
	DECAP_PREFIX_PADDING_BITS = 32,
	DECAP_PREFIX_MAPPED_BITS = 96, /* an IPv4 prefix is one of a v4-mapped address */
};

/* The key of the tries 'decap_sources', where balancers' packets come from, and
 * 'decap_vip_prefixes'. */
struct decap_prefix {
	__u32 length; /* bits of what follows that count */
	__u32 padding;
	struct address address;
};

enum decap_peer_flags {
	DECAP_PEER_NEXT_HOP = 1 << 0, /* MACs and interface are known */
};

/* By its address, another backend: packets may be handed on to it, and to no others. */
struct decap_peer {
	__u8 next_hop_mac[6];
	__u16 flags; /* enum decap_peer_flags */
	__u8 interface_mac[6];
	__u16 padding;
	__u32 interface; /* index of the interface that leads to the next hop */
	__u32 padding_to_8;
};

/* The key of the map 'decap_datagrams': one whose first fragment was handed on. */
struct decap_datagram {
	__be32 source;
	__be32 destination;
	__be16 id;
	__u16 padding;
};

#endif
