/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_LINK_ADDRESS_H
#define GUIDEWAY_LINK_ADDRESS_H

#include <guideway/abi.h>

/* The key of the map 'link_addresses': an interface that frames come from, and a MAC address of
 * this host there. */
struct link_address {
	__u32 interface; /* index */
	__u8 mac[6];
	__u16 padding;
};

#endif
