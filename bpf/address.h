/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>

#include <guideway/abi.h>

/* ::ffff:0:0/96, as the upper half of an address's second word holds it before the IPv4 address. */
#define MAPPED_PREFIX ((__u64)0xffff0000)
/* ::1, as its second word. */
#define LOOPBACK ((__u64)1 << 56)

static __always_inline void address_from_ipv4(struct address *address, __be32 ipv4)
{
	__u64 *words = (__u64 *)address->bytes;

	words[0] = 0;
	words[1] = (__u64)ipv4 << 32 | MAPPED_PREFIX;
}

static __always_inline void address_from_ipv6(struct address *address, const struct in6_addr *ipv6)
{
	__builtin_memcpy(address->bytes, ipv6, sizeof(address->bytes));
}

static __always_inline __be32 address_ipv4(const struct address *address)
{
	return ((const __be32 *)address->bytes)[3];
}

static __always_inline void address_to_ipv6(struct in6_addr *ipv6, const struct address *address)
{
	__builtin_memcpy(ipv6, address->bytes, sizeof(address->bytes));
}

static __always_inline bool address_is_ipv4(const struct address *address)
{
	const __u64 *words = (const __u64 *)address->bytes;

	return words[0] == 0 && (__u32)words[1] == MAPPED_PREFIX;
}

#endif
