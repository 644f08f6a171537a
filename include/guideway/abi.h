/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_ABI_H
#define GUIDEWAY_ABI_H

#include <linux/types.h>

/*
 * What the kernel programs and the agent agree on. Compiled by both sides; the
 * layouts of these headers are those of the pinned maps. Change one of them, or
 * what a value means: raise GUIDEWAY_ABI_VERSION.
 */
enum guideway_abi {
	GUIDEWAY_ABI_VERSION = 5,
};

/* Stored beside the maps, as the only element of the map 'abi'. */
struct abi {
	__u32 version;
	__u32 table_size; /* the default M, which says how many pages there are for each service */
};

/* A 64-bit view of bytes; C++ may not look at them through a plain __u64. */
typedef __u64 __attribute__((may_alias)) abi_word;

/* Network order; IPv4 is v4-mapped (::ffff:a.b.c.d), so that one path serves both families. */
struct address {
	__u8 bytes[16];
} __attribute__((aligned(8)));

#endif
