/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef IPV4_OPTIONS_H
#define IPV4_OPTIONS_H

#include "packet.h"

enum ipv4_option {
	IPV4_OPTIONS_END = 0,
	IPV4_NO_OPERATION = 1, /* these two have no length */
	IPV4_LOOSE_SOURCE_ROUTE = 131,
	IPV4_STRICT_SOURCE_ROUTE = 137,
};

#define IPV4_OPTIONS_SIZE 40 /* at most */

/* Refuses source routes (RFC 7126, sections 4.3 and 4.4), and options that cannot be told apart. */
__noinline int judge_ipv4_options(struct xdp_md *ctx, __u32 offset, __u32 left)
{
	for (int i = 0; i < IPV4_OPTIONS_SIZE && left; i++) {
		const __u8 *option = (void *)(long)ctx->data + (offset & OFFSET_MASK);
		__u32 length = 1;

		if ((void *)(option + 1) > (void *)(long)ctx->data_end)
			return VERDICT_BAD_OPTIONS;
		if (*option == IPV4_OPTIONS_END)
			return VERDICT_NONE;
		if (*option == IPV4_LOOSE_SOURCE_ROUTE || *option == IPV4_STRICT_SOURCE_ROUTE)
			return VERDICT_SOURCE_ROUTED;
		if (*option != IPV4_NO_OPERATION) {
			if ((void *)(option + 2) > (void *)(long)ctx->data_end)
				return VERDICT_BAD_OPTIONS;
			length = option[1];
			if (length < 2 || length > left)
				return VERDICT_BAD_OPTIONS;
		}
		offset += length;
		left -= length;
	}
	return VERDICT_NONE;
}

#endif
