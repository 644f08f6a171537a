/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef IPV6_EXTENSION_H
#define IPV6_EXTENSION_H

#include "packet.h"

#define IPV6_FRAGMENT bpf_htons(0xfff9)
#define IPV6_FRAGMENT_OFFSET bpf_htons(0xfff8)
#define IPV6_EXTENSION_HEADERS 8 /* followed at most; real packets have one or two */

/* A place in a chain of extension headers. */
struct extension_walk {
	__u32 offset;
	__u32 left;
	__be32 fragment_id;
	__u8 protocol; /* of the next header */
	__u8 fragment; /* enum packet_oddity: which one it is, if one */
	__u16 padding;
};

struct ipv6_extension {
	__u8 next_header;
	__u8 length; /* in 8 bytes, less the first 8; AH: in 4 bytes, less the first 8 */
	union {
		__be16 fragment_offset; /* of a fragment header */
		struct {
			__u8 routing_type; /* of a routing header */
			__u8 segments_left;
		};
	};
	__be32 fragment_id;
};

static __always_inline bool is_ipv6_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

/*
 * A routing header of type 0 (RFC 5095), or one that leads on from here (RFC 8200, section 4.4):
 * the VIP is not where the packet ends.
 */
static __always_inline bool is_source_route(const struct ipv6_extension *header)
{
	return !header->routing_type || header->segments_left;
}

static __always_inline void note_ipv6_fragment(struct extension_walk *walk,
					       const struct ipv6_extension *header)
{
	if (!(header->fragment_offset & IPV6_FRAGMENT))
		return; /* a whole packet (RFC 6946) */
	walk->fragment_id = header->fragment_id;
	walk->fragment = header->fragment_offset & IPV6_FRAGMENT_OFFSET ? PACKET_LATER_FRAGMENT
									: PACKET_FIRST_FRAGMENT;
}

/*
 * Walks behind the extension headers, to the transport header; behind the fragment header of a
 * later fragment there is nothing to follow. A function of its own for the verifier, which would
 * else follow every way here through every way inside; so are all that a plain packet does not
 * need.
 */
__noinline int skip_ipv6_extensions(struct xdp_md *ctx, struct extension_walk *walk)
{
	if (!walk)
		return VERDICT_BAD_EXTENSION_HEADERS;
	for (int i = 0; i <= IPV6_EXTENSION_HEADERS; i++) {
		struct ipv6_extension *extension =
			(void *)(long)ctx->data + (walk->offset & OFFSET_MASK);
		__u8 kind = walk->protocol;
		__u32 length;

		if (!is_ipv6_extension(kind))
			return VERDICT_NONE;
		if ((void *)(extension + 1) > (void *)(long)ctx->data_end)
			return VERDICT_BAD_EXTENSION_HEADERS;

		if (kind == IPPROTO_FRAGMENT)
			length = sizeof(*extension);
		else if (kind == IPPROTO_AH)
			length = (extension->length + 2) * 4;
		else
			length = (extension->length + 1) * 8;
		if (length > walk->left)
			return VERDICT_BAD_EXTENSION_HEADERS;
		if (kind == IPPROTO_ROUTING && is_source_route(extension))
			return VERDICT_SOURCE_ROUTED;
		if (kind == IPPROTO_FRAGMENT) {
			note_ipv6_fragment(walk, extension);
			if (walk->fragment == PACKET_LATER_FRAGMENT)
				return VERDICT_NONE;
		}
		walk->protocol = extension->next_header;
		walk->offset += length;
		walk->left -= length;
	}
	return VERDICT_BAD_EXTENSION_HEADERS;
}

#endif
