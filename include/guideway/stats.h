/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_STATS_H
#define GUIDEWAY_STATS_H

#include <guideway/abi.h>

/* An element of 'service_stats' (by service number) and 'backend_stats' (by index in 'backends'),
 * per CPU. */
struct traffic {
	__u64 packets;
	__u64 bytes;	 /* of IP packets as they arrived, without Ethernet and outer headers */
	__u64 new_flows; /* TCP: SYN without ACK */
};

/* An element of 'verdict_stats' (by enum verdict), per CPU. */
struct verdict_count {
	__u64 packets;
	__u64 bytes;
};

#endif
