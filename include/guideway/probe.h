/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_PROBE_H
#define GUIDEWAY_PROBE_H

#include <guideway/abi.h>

enum probe_flags {
	PROBE_NEXT_HOP = 1 << 0, /* source, MACs and interface are known */
	/* How probes are wrapped; neither: IP in IP. */
	PROBE_GRE = 1 << 1,
	PROBE_GUE = 1 << 2,
};

/* How health probes for one backend are wrapped and sent; as for traffic, see struct backend. */
struct probe_route {
	struct address backend;
	struct address source;
	__u8 next_hop_mac[6];
	__u8 interface_mac[6];
	__u32 interface;
	__u32 flags; /* enum probe_flags */
	__u32 padding;
};

#endif
