/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TUNNEL_H
#define TUNNEL_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GUE_PORT 6080 /* IANA: gue */
#define GUE_FIRST_SOURCE_PORT 0xc000
#define GUE_SOURCE_PORTS 0x4000

/* RFC 2784, without options. */
struct gre_header {
	__be16 flags;
	__be16 protocol; /* an Ethernet type */
};

/* GUE version 0 in UDP, without options (draft-ietf-intarea-gue). */
struct gue_header {
	struct udphdr udp;
	__u8 version_and_length;
	__u8 protocol; /* an IP protocol number */
	__be16 flags;
};

/* What stands between outer and inner IP header. */
enum shim {
	SHIM_NONE = 0,
	SHIM_GRE = sizeof(struct gre_header),
	SHIM_GUE = sizeof(struct gue_header),
};

/* The outer IP header's protocol; 'inner' is IPPROTO_IPIP or IPPROTO_IPV6. */
static __always_inline __u8 shim_protocol(enum shim shim, __u8 inner)
{
	if (shim == SHIM_GRE)
		return IPPROTO_GRE;
	return shim == SHIM_GUE ? IPPROTO_UDP : inner;
}

static __always_inline void gre_write(struct gre_header *gre, __u8 inner)
{
	gre->flags = 0;
	gre->protocol = inner == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
}

/* The underlay's queues and paths see the flow by the source port; no checksum (RFC 6935). */
static __always_inline void gue_write(struct gue_header *gue, __u8 inner, __u16 length, __u64 hash)
{
	gue->udp.source = bpf_htons(GUE_FIRST_SOURCE_PORT + (hash & (GUE_SOURCE_PORTS - 1)));
	gue->udp.dest = bpf_htons(GUE_PORT);
	gue->udp.len = bpf_htons(length);
	gue->udp.check = 0;
	gue->version_and_length = 0;
	gue->protocol = inner;
	gue->flags = 0;
}

#endif
