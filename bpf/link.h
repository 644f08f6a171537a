/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LINK_H
#define LINK_H

#include "packet.h"

#define VLAN_TAGS 2 /* followed at most */

struct vlan_tag {
	__be16 control;
	__be16 protocol; /* of what follows */
};

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* Leaves the cursor behind the tags. */
static __always_inline enum verdict skip_vlan_tags(struct packet *packet, struct cursor *cursor)
{
	for (int i = 0; i < VLAN_TAGS && is_vlan(cursor->protocol); i++) {
		struct vlan_tag *tag = cursor->header;

		if ((void *)(tag + 1) > cursor->frame_end || !tag->protocol)
			return VERDICT_TOO_SHORT;
		cursor->protocol = tag->protocol;
		cursor->header = tag + 1;
		packet->link_length += sizeof(*tag);
	}
	return VERDICT_NONE;
}

__noinline int link_address_is_own(struct xdp_md *ctx, __u64 address)
{
	struct link_address key = {.interface = ctx->ingress_ifindex};

	if (any_unicast_is_own)
		return !(address & 1);
	__builtin_memcpy(key.mac, &address, ETH_ALEN);
	return bpf_map_lookup_elem(&link_addresses, &key) != NULL;
}

/*
 * Whether the frame is for this host, and for it alone; if not, the packet is somebody else's to
 * forward, and nobody's to answer. A frame that the backend's entry tells to be so is not looked up
 * (next_hop.h).
 */
static __always_inline bool link_is_own(struct xdp_md *ctx, struct packet *packet)
{
	if (!packet->own)
		packet->own = link_address_is_own(ctx, packet->link_destination);
	return packet->own;
}

/* The packet is passed as if it were for no VIP. */
static __always_inline enum verdict leave_to_others(struct packet *packet)
{
	packet->service = 0;
	packet->backend = 0;
	packet->slot = DECISION_NO_SLOT;
	return VERDICT_OTHER_HOST;
}

/* Sends the frame back to where it came from. */
static __always_inline bool link_turn(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u8 sender[ETH_ALEN];

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return false;
	__builtin_memcpy(sender, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, sender, ETH_ALEN);
	return true;
}

#endif
