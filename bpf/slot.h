/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SLOT_H
#define SLOT_H

#include "chance.h"
#include "moving_slot.h"
#include "packet.h"
#include "table.h"

/* The packet's hash, as early as can be: it is one long chain of additions, beside which the
 * lookups run. */
static __always_inline void packet_hash(struct packet *packet, __u16 service_flags)
{
	const struct flow_key key = {.k0 = hash_key_k0, .k1 = hash_key_k1};

	packet->hash = flow_hash(&packet->flow, &key, service_flags & SERVICE_AFFINITY_CLIENT);
	/* The compiler would compute it where it is used. */
	asm volatile("" : "+r"(packet->hash));
}

/* The backend that the packet's slot in the service's serving table leads to, or NULL for nobody.
 */
static __always_inline const struct backend *
slot_backend(struct xdp_md *ctx, struct packet *packet, const struct service *service, enum way way)
{
	__u32 slot = flow_slot(packet->hash, service->table_size), index, number, word;
	const __u16 *place = slot_in(&tables, service, slot);
	__u8 tracking;

	/* An entry that somebody has zeroed leads nowhere until the agent mends it. */
	if (!place || !service->table_size)
		return NULL;
	packet->slot = slot;
	word = READ_ONCE(*place);
	number = word & SLOT_BACKEND;
	tracking = service->tracking[packet->kind & (FLOW_KINDS - 1)];
	/* A settled slot does not touch 'flows'. */
	if (tracking == TRACKING_SECOND_CHANCE) {
		packet->has_chance = word & SLOT_MOVING && may_belong_to_former_owner(packet);
	} else if (tracking != TRACKING_NEVER &&
		   (word & SLOT_MOVING || tracking == TRACKING_ALWAYS)) {
		/* Once: it counts and records. */
		if (!packet->decided && way == GENERAL)
			link_is_own(ctx, packet);
		if (!packet->decided)
			packet->decided =
				PACKET_DECIDED |
				(way == PLAIN ? plain_moving_slot_backend(ctx, service,
									  packet->service, slot,
									  word | packet->kind << 16)
					      : moving_slot_backend(packet, service, word));
		number = packet->decided & SLOT_BACKEND;
	}
	if (!number)
		return NULL;
	index = READ_ONCE(service->first_backend) + number; /* after the slot: see the reconciler */
	packet->backend = index;
	return bpf_map_lookup_elem(&backends, &index);
}

#endif
