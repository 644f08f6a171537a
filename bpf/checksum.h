/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <linux/types.h>

static __always_inline __u16 checksum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The checksum after one word under it changed (RFC 1624, equation 3). */
static __always_inline __u16 checksum_update(__u16 checksum, __u16 from, __u16 to)
{
	return checksum_fold((__u16)~checksum + (__u16)~from + to);
}

#endif
