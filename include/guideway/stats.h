/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_STATS_H
#define GUIDEWAY_STATS_H

#include <guideway/abi.h>

/* What was sent. An element of 'backend_stats' (by index in 'backends'), per CPU. */
struct traffic {
	__u64 packets;
	__u64 bytes;	 /* of IP packets as they arrived, without Ethernet and outer headers */
	__u64 new_flows; /* TCP: SYN without ACK */
};

/* An element of 'service_stats' (by service number), per CPU. */
struct service_counters {
	struct traffic traffic;
	__u64 flow_lookups;    /* packets for which 'flows' was read */
	__u64 refused_records; /* flows that could not be recorded: 'flows' full, or too many at
				  once */
};

/* An element of 'verdict_stats' (by enum verdict), per CPU. */
struct verdict_count {
	__u64 packets;
	__u64 bytes;
};

#endif
