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
	ICMP_FRAGMENTATION_NEEDED = 4, /* of ICMP_UNREACHABLE */
};

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PACKET_TOO_BIG = 2,
	ICMPV6_PARAMETER_PROBLEM = 4,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
};

#endif
