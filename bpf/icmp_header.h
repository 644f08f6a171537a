/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ICMP_HEADER_H
#define ICMP_HEADER_H

#include <linux/types.h>

/* linux/icmp.h and linux/icmpv6.h cannot be compiled for the BPF target. RFC 792, RFC 4443. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 rest; /* echo: ID and sequence; too big: MTU */
};

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
};

enum icmp_code {
	ICMP_PORT_UNREACHABLE = 3, /* these are of ICMP_UNREACHABLE */
	ICMP_FRAGMENTATION_NEEDED = 4,
};

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PACKET_TOO_BIG = 2,
	ICMPV6_PARAMETER_PROBLEM = 4,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_LISTENER_QUERY = 130, /* multicast listener discovery, up to 132 */
	ICMPV6_LISTENER_DONE = 132,
	ICMPV6_ROUTER_SOLICITATION = 133, /* neighbour discovery, up to 137 */
	ICMPV6_REDIRECT = 137,
	ICMPV6_INVERSE_SOLICITATION = 141,
	ICMPV6_INVERSE_ADVERTISEMENT = 142,
	ICMPV6_LISTENER_REPORT_2 = 143,
	ICMPV6_PATH_SOLICITATION = 148, /* secure neighbour discovery */
	ICMPV6_PATH_ADVERTISEMENT = 149,
};

enum icmpv6_code {
	ICMPV6_PORT_UNREACHABLE = 4, /* of ICMPV6_UNREACHABLE */
};

#endif
