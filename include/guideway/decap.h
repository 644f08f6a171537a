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
	DECAP_VERDICT_MAX = 8,
};

enum decap_limits {
	DECAP_BALANCERS_MAX = 1024,
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

#endif
