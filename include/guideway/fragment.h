/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_FRAGMENT_H
#define GUIDEWAY_FRAGMENT_H

#include <guideway/abi.h>

enum fragment_limits {
	FRAGMENTS_MAX = 16384, /* datagrams whose fragments are on their way */
};

/* For this long an ID names one datagram (the reassembly timeout of RFC 1122: 60 s at least; of
 * Linux: 30 s). */
#define FRAGMENT_LIFETIME_NS (30ULL * 1000 * 1000 * 1000)

/* The key of the map 'fragments': one datagram. */
struct fragment_id {
	struct address source;
	struct address destination;
	__be32 id;     /* IPv4: 16 bits */
	__u8 protocol; /* IPv6: 0, as it is no part of what tells datagrams apart */
	__u8 padding[3];
};

/* Where its first fragment went. */
struct fragment_record {
	__u64 seen; /* ns of CLOCK_MONOTONIC_COARSE */
	__u64 hash;
	__u32 slot;
	__u16 service; /* number */
	__u16 backend; /* number */
};

#endif
