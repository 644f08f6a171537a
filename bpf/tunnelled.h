/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TUNNELLED_H
#define TUNNELLED_H

#include <stdbool.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <guideway/decap.h>

#include "address.h"
#include "checksum.h"
#include "tunnel.h"

/* A tunnelled packet: who wrapped it, and where its inner packet begins and goes. */
struct tunnelled {
	struct address balancer;
	struct address vip;
	void *inner;
	__u8 outer_protocol;
	__u8 inner_protocol; /* IPPROTO_IPIP or IPPROTO_IPV6 */
	__u8 outer_ecn;
	__u8 hop_limit;
	bool over_ipv4;
	bool fragment;
	int length; /* of all outer headers */

	/* If it names former owners of its slot: */
	__u32 chance; /* where the list begins in the frame; 0 = it names none */
	__u32 next;   /* the index of the hop that it goes to if it is not this host's */
	__u32 hops;
	bool bad_chance;    /* it is no such list */
	struct address hop; /* that it is handed on to, */
	__u32 interface;    /* by this interface */
};

#endif
