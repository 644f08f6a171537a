/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_FLOW_RECORD_H
#define GUIDEWAY_FLOW_RECORD_H

#include <guideway/abi.h>

/* The key of the map 'flows': a flow as its client sends it, and whose it is. */
struct flow_id {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u16 service; /* number */
	__u8 protocol;
	__u8 padding;
};

/* Where a flow belongs, whoever owns its slot now. */
struct flow_record {
	__u64 last_seen; /* ns of CLOCK_MONOTONIC_COARSE */
	__u32 slot;
	__u16 backend; /* number */
	__u16 padding;
};

/*
 * What a CPU may still insert: so many records a window that a flood of new flows costs little, and
 * leaves room in 'flows' for those that need it.
 */
enum flow_insert_limits {
	FLOW_INSERT_WINDOW_SHIFT = 24, /* 2^24 ns = 17 ms */
	FLOW_INSERTS_PER_WINDOW = 1024,
};

struct window_budget {
	__u64 window;
	__u64 used;
};

#endif
