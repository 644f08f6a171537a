/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include "link.h"
#include "packet.h"

/* The two words of a backend's entry that the agent may store while packets read: each is read
 * once. */
struct next_hop {
	__u64 destination_mac; /* low 6 bytes; above them enum backend_flags */
	__u64 source_mac;      /* above it the sum of the outer header's constant part */
};

static __always_inline __u16 next_hop_flags(const struct next_hop *next_hop)
{
	return next_hop->destination_mac >> 48;
}

static __always_inline __u16 next_hop_checksum(const struct next_hop *next_hop)
{
	return next_hop->source_mac >> 48;
}

/* Whether a packet may leave by an interface it did not come from. */
__noinline int next_hop_elsewhere(__u32 interface, __u32 flags)
{
	if (flags & BACKEND_LOCAL)
		return VERDICT_DELIVERED_LOCALLY;
	return bpf_map_lookup_elem(&interfaces, &interface) ? VERDICT_NONE : VERDICT_NO_NEXT_HOP;
}

static __always_inline enum verdict next_hop_read(struct xdp_md *ctx, struct packet *packet,
						  const struct backend *backend,
						  struct next_hop *next_hop, enum way way)
{
	__u64 destination = READ_ONCE(*(const __u64 *)backend->next_hop_mac);
	__u64 source = READ_ONCE(*(const __u64 *)backend->interface_mac);
	__u32 interface = READ_ONCE(backend->interface);

	next_hop->destination_mac = destination;
	next_hop->source_mac = source;
	if (!(next_hop_flags(next_hop) & BACKEND_NEXT_HOP))
		return VERDICT_NO_NEXT_HOP;
	if (way == PLAIN && next_hop_flags(next_hop) & BACKEND_VLAN)
		return VERDICT_NOT_PLAIN;
	/* Nearly every frame leaves from the address that it came to. */
	if ((packet->link_destination ^ source) << 16) {
		if (way == PLAIN)
			return VERDICT_NOT_PLAIN;
		if (!link_is_own(ctx, packet))
			return leave_to_others(packet);
	}
	if (interface == ctx->ingress_ifindex)
		return VERDICT_NONE;
	packet->interface = interface;
	return next_hop_elsewhere(interface, next_hop_flags(next_hop));
}

/* Whether the entry is still the one that was read: an outer source and tags lie in several words,
 * and the agent counts their changes in the flags. */
static __always_inline bool next_hop_is_current(const struct backend *backend,
						const struct next_hop *next_hop)
{
	return READ_ONCE(*(const __u64 *)backend->next_hop_mac) == next_hop->destination_mac;
}

static __always_inline void next_hop_write(struct ethhdr *ethernet, const struct next_hop *next_hop,
					   __be16 protocol)
{
	/* Each store goes over what the one before has too much: copies of 6 bytes that may lie
	 * anywhere are thirty instructions. */
	abi_word *destination = (void *)ethernet;
	abi_word *source = (void *)ethernet + ETH_ALEN;
	__be16 *kind = (void *)ethernet + 2 * ETH_ALEN;

	*destination = next_hop->destination_mac;
	*source = next_hop->source_mac;
	*kind = protocol;
}

/* Puts the tags of the next hop's sub-interface into a frame that has none. */
__noinline int next_hop_tag(struct xdp_md *ctx, const struct backend *backend)
{
	struct ethhdr frame, *ethernet = (void *)(long)ctx->data;
	struct vlan_tag *tag;
	bool two;

	if (!backend)
		return VERDICT_NO_NEXT_HOP;
	two = backend->vlan[1];
	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;
	frame = *ethernet;
	if (bpf_xdp_adjust_head(ctx, two ? -2 * (int)sizeof(*tag) : -(int)sizeof(*tag)))
		return VERDICT_NO_HEADROOM;
	ethernet = (void *)(long)ctx->data;
	tag = (void *)(ethernet + 1);
	if ((void *)(tag + 2) > (void *)(long)ctx->data_end)
		return VERDICT_NO_HEADROOM;
	tag[0].control = backend->vlan[0];
	tag[0].protocol = two ? bpf_htons(ETH_P_8021Q) : frame.h_proto;
	if (two) {
		tag[1].control = backend->vlan[1];
		tag[1].protocol = frame.h_proto;
	}
	frame.h_proto = two ? bpf_htons(ETH_P_8021AD) : bpf_htons(ETH_P_8021Q);
	*ethernet = frame;
	return VERDICT_NONE;
}

#endif
