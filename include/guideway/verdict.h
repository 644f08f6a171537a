/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_VERDICT_H
#define GUIDEWAY_VERDICT_H

/*
 * What became of a packet, and why: counted in 'verdict_stats' under this number. Numbers and names
 * are stable: they are metric labels. The range tells the action.
 */
enum verdict {
	VERDICT_NONE = 0, /* not decided yet: carry on */

	/* passed to the host's own stack, untouched */
	VERDICT_TOO_SHORT = 1, /* no readable destination */
	VERDICT_NOT_IP = 2,
	VERDICT_NOT_VIP = 3,
	VERDICT_DELIVERED_LOCALLY = 4, /* for a VIP: its backend is this host */
	VERDICT_OTHER_HOST = 5,	       /* for a VIP, in a frame that is not for this host alone */
	VERDICT_LINK_CONTROL = 6,      /* neighbour discovery and the like, to a VIP */

	/* sent */
	VERDICT_FORWARDED = 16,	       /* out of the interface it came from */
	VERDICT_REDIRECTED = 17,       /* out of another interface */
	VERDICT_ECHO_ANSWERED = 18,    /* an echo request, turned into its reply */
	VERDICT_TOO_BIG_ANSWERED = 19, /* an ICMP error told the sender which size fits */
	VERDICT_CLOSED_ANSWERED = 20,  /* an ICMP error told the sender that nobody listens there */

	/* dropped */
	VERDICT_BAD_VERSION = 32, /* the IP version contradicts the Ethernet type */
	VERDICT_BAD_HEADER_LENGTH = 33,
	VERDICT_BAD_TOTAL_LENGTH = 34,	    /* beyond the frame, or shorter than the header */
	VERDICT_BAD_EXTENSION_HEADERS = 35, /* IPv6: cut off, or more than are followed */
	VERDICT_BAD_TRANSPORT_HEADER = 36,  /* TCP or UDP header cut off */
	VERDICT_FRAGMENT = 37,		    /* its first fragment was not seen here */
	VERDICT_ICMP = 38,		    /* neither an echo request nor an error about a flow */
	VERDICT_UNKNOWN_PROTOCOL = 39,
	VERDICT_NO_LISTENER = 40, /* a VIP, but nobody listens on this port */
	VERDICT_NO_BACKEND = 41,  /* the slot belongs to nobody */
	VERDICT_NO_NEXT_HOP =
		42, /* the backend's next hop is not known, or not on an interface of ours */
	VERDICT_NO_HEADROOM = 43, /* the driver left no room for the outer header */
	VERDICT_TOO_LONG = 44,	  /* an IP header cannot say the length of the wrapped packet */
	VERDICT_TOO_BIG_NO_DF =
		45, /* for the way to the backend; may be fragmented, but not here */
	VERDICT_TOO_BIG_UNANSWERED = 46, /* answers are limited, and not given to everything */
	VERDICT_BAD_ICMP_ERROR = 47,	/* the quoted packet is cut off, or is none of this VIP's */
	VERDICT_CLIENT_DENIED = 48,	/* by the service's allow and deny */
	VERDICT_IMPOSSIBLE_SOURCE = 49, /* an address that no client behind a router can have */
	VERDICT_TTL_ZERO = 50,		/* TTL or hop limit */
	VERDICT_SOURCE_ROUTED = 51,	/* IPv4 source route, IPv6 routing header */
	VERDICT_BAD_OPTIONS = 52,	/* IPv4 options that cannot be told apart */
	VERDICT_BAD_CHECKSUM = 53,	/* of the IPv4 header of what would be answered */
	VERDICT_ECHO_UNANSWERED = 54,	/* answers are limited, and not given to everybody */
	VERDICT_ICMP_ERROR_LIMITED = 55, /* more of them than a service gets */

	VERDICT_MAX = 64,
	VERDICT_FIRST_PASSED = VERDICT_TOO_SHORT,
	VERDICT_FIRST_SENT = VERDICT_FORWARDED,
	VERDICT_FIRST_DROPPED = VERDICT_BAD_VERSION,
};

#endif
