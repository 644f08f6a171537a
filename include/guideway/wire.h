/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_WIRE_H
#define GUIDEWAY_WIRE_H

/* What is on the wire, in host order and bytes. No part of the ABI: nothing of it stands in a map.
 */
enum wire {
	ETHERNET_HEADER = 14,
	VLAN_TAG = 4,
	IPV4_HEADER = 20, /* without options */
	IPV6_HEADER = 40,
	GRE_HEADER = 4,	  /* without options */
	GUE_HEADERS = 12, /* with UDP's */

	/* RFC 791: flags and fragment offset */
	IPV4_DONT_FRAGMENT_BIT = 0x4000,
	IPV4_FRAGMENT_BITS = 0x3fff, /* more fragments, or an offset */
	IPV4_OFFSET_BITS = 0x1fff,

	/* Of the outer headers that balancers write, also around probes; it is in the constant part
	 * of their checksum. */
	OUTER_HOP_LIMIT = 64,
};

#endif
