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

/*
 * The key of the map 'probe_flows': a probe's connection or datagram. What this host's kernel
 * answers to it once its socket is gone has no mark, but the same ports. The value is the key of
 * its route.
 */
struct probe_flow {
	struct address vip;
	__be16 vip_port;
	__be16 port; /* this host's */
	__u8 protocol;
	__u8 padding[3];
};

enum probe_limits {
	PROBE_FLOWS_MAX = 65536, /* half a minute's, at 2,000 a second */
};

#endif
