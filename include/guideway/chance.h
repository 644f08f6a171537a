/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_CHANCE_H
#define GUIDEWAY_CHANCE_H

#include <guideway/abi.h>

/*
 * Chance format 1. A packet that starts no flow goes to the owner of its moving slot in GUE, whose
 * private data names former owners of the slot: the owner hands on what is not its own, each hop in
 * turn. Header and IPv4 hops are those of GitHub's GLB.
 */
enum chance_limits {
	CHANCE_HOPS_MAX = 8,
	CHANCE_HOPS_IPV6_MAX = 7,   /* GUE's length field has 5 bits, and counts words of 4 bytes */
	CHANCE_HOP_NUMBERS = 65536, /* 0 = none */
	CHANCE_HEADER = 4,
	CHANCE_HOP_IPV4 = 4,
	CHANCE_HOP_IPV6 = 16,
};

enum chance_type {
	CHANCE_IPV4 = 0, /* hops of 4 bytes */
	CHANCE_IPV6 = 1, /* hops of 16 bytes */
};

/* The private data's beginning; the hops follow. */
struct chance_header {
	__be16 type; /* enum chance_type */
	__u8 next; /* index of the hop that the packet is handed on to; count or more: there is none
		    */
	__u8 count;
};

/* An element of a service's map in 'chances', by slot: numbers of hops in the order in which they
 * are tried, 0 after the last. All are of the family of the slot's owner. */
struct chance_list {
	__u16 hops[CHANCE_HOPS_MAX];
} __attribute__((aligned(8)));

#endif
