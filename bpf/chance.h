/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CHANCE_H
#define CHANCE_H

#include <guideway/wire.h>

#include "packet.h"
#include "table.h"

/* What a packet that names so many hops is longer by, outer headers and all. */
static __always_inline __u32 chance_overhead(bool over_ipv4, __u32 hops)
{
	__u32 shim = GUE_HEADERS + CHANCE_HEADER;

	if (over_ipv4)
		return IPV4_HEADER + shim + hops * CHANCE_HOP_IPV4;
	return IPV6_HEADER + shim + hops * CHANCE_HOP_IPV6;
}

/* Bytes of the private data. */
static __always_inline __u32 chance_length(const struct packet *packet, bool over_ipv4)
{
	return CHANCE_HEADER + (packet->hop_count & (2 * CHANCE_HOPS_MAX - 1)) *
				       (over_ipv4 ? CHANCE_HOP_IPV4 : CHANCE_HOP_IPV6);
}

/* So many may be named in packets of a service; 0: none. */
static __always_inline __u32 chance_most_hops(__u16 service_flags, bool over_ipv4)
{
	__u32 most = service_flags >> SERVICE_MAX_HOPS_SHIFT;

	return !over_ipv4 && most > CHANCE_HOPS_IPV6_MAX ? CHANCE_HOPS_IPV6_MAX : most;
}

/* Whether a packet in a moving slot of a service that tracks by second chance names hops. */
static __always_inline bool may_belong_to_former_owner(const struct packet *packet)
{
	return !packet->starts_flow && !(packet->odd & PACKET_SELF_TEST);
}

/* The same for a later fragment, whose first one said where its slot is. */
static __always_inline bool fragment_has_chance(const struct packet *packet,
						const struct service *service)
{
	const __u16 *place;

	if (service->tracking[FLOW_TCP] != TRACKING_SECOND_CHANCE ||
	    (packet->flow.is_ipv4 && packet->flow.protocol != IPPROTO_TCP))
		return false;
	place = slot_in(&tables, service, packet->slot);
	return place && READ_ONCE(*place) & SLOT_MOVING;
}

/* The numbers of the hops that packets in the slot name now. */
static __always_inline bool chance_read(const struct packet *packet, __u64 hops[2])
{
	__u32 service = packet->service, slot = packet->slot;
	void *lists = bpf_map_lookup_elem(&chances, &service);
	const __u64 *words = lists ? bpf_map_lookup_elem(lists, &slot) : NULL;

	if (!words)
		return false;
	hops[0] = READ_ONCE(words[0]);
	hops[1] = READ_ONCE(words[1]);
	/* The agent stores word 1 before word 0. If word 0 changed meanwhile, both are read again.
	 */
	if (READ_ONCE(words[0]) != hops[0]) {
		hops[0] = READ_ONCE(words[0]);
		hops[1] = READ_ONCE(words[1]);
	}
	return true;
}

static __always_inline __u32 chance_hop_number(const __u64 hops[2], __u32 index)
{
	return (index < 4 ? hops[0] : hops[1]) >> index % 4 * 16 & 0xffff;
}

/* Notes how many former owners the packet names; none: it goes as any other. */
__noinline int chance_find(struct packet *packet)
{
	__u64 hops[2];
	__u32 i;

	if (!packet || !chance_read(packet, hops))
		return 0;
	for (i = 0; i < CHANCE_HOPS_MAX; i++) {
		if (!chance_hop_number(hops, i))
			break;
	}
	packet->hop_count = i;
	return 0;
}

/* Names fewer hops, where the MTU allows no more. */
static __always_inline void chance_shorten(struct packet *packet, __u32 mtu, bool over_ipv4)
{
	__u32 least = packet->length + chance_overhead(over_ipv4, 0);
	__u32 room = mtu > least ? mtu - least : 0;
	__u32 hops = over_ipv4 ? room / CHANCE_HOP_IPV4 : room / CHANCE_HOP_IPV6;

	if (hops < packet->hop_count)
		packet->hop_count = hops;
}

/* Writes the GUE private data; false if there is no room, or the list is a shorter one by now. */
static __always_inline bool chance_write(struct xdp_md *ctx, const struct packet *packet,
					 void *place, bool over_ipv4)
{
	struct chance_header *header = place;
	const struct address *hop;
	__u32 i, number;
	__u64 hops[2];

	if ((void *)(header + 1) > (void *)(long)ctx->data_end || !chance_read(packet, hops))
		return false;
	header->type = over_ipv4 ? bpf_htons(CHANCE_IPV4) : bpf_htons(CHANCE_IPV6);
	header->next = 0;
	header->count = packet->hop_count;
	place = header + 1;
	for (i = 0; i < CHANCE_HOPS_MAX; i++) {
		if (i >= packet->hop_count)
			break;
		number = chance_hop_number(hops, i);
		hop = bpf_map_lookup_elem(&chance_hops, &number);
		if (!number || !hop ||
		    place + (over_ipv4 ? CHANCE_HOP_IPV4 : CHANCE_HOP_IPV6) >
			    (void *)(long)ctx->data_end)
			return false;
		if (over_ipv4)
			*(__be32 *)place = address_ipv4(hop);
		else
			__builtin_memcpy(place, hop->bytes, CHANCE_HOP_IPV6);
		place += over_ipv4 ? CHANCE_HOP_IPV4 : CHANCE_HOP_IPV6;
	}
	return true;
}

#endif
