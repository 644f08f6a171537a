/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_CLIENT_FILTER_H
#define GUIDEWAY_CLIENT_FILTER_H

#include <guideway/abi.h>

enum client_filter_limits {
	CLIENT_PREFIXES_MAX = 131072, /* of all filters, those that are being replaced included */
	CLIENT_PREFIX_FILTER_BITS = 32,
	CLIENT_PREFIX_MAPPED_BITS = 96, /* an IPv4 prefix is one of a v4-mapped address */
};

/*
 * The key of the map 'clients', a trie: the longest prefix that holds a client tells whether a
 * filter permits it; without any it is permitted, and not denied. A filter is filled before a
 * service names it, and never changed.
 */
struct client_prefix {
	__u32 length; /* bits of filter and address that count */
	__u32 filter; /* a service's, not 0 */
	struct address address;
};

enum client_permission_flags {
	CLIENT_PERMITTED = 1 << 0, /* by both lists: the client is served */
	CLIENT_DENIED = 1 << 1,	   /* by 'deny': nor is it heard about clients that are served */
};

/* The value. */
struct client_permission {
	__u32 flags; /* enum client_permission_flags */
};

#endif
