/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TUNNEL_H
#define TUNNEL_H

#include <linux/types.h>
#include <linux/udp.h>

#define GUE_PORT 6080 /* IANA: gue */

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

#endif
