/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SLOT_H
#define SLOT_H

#include "moving_slot.h"
#include "packet.h"

/* The backend that the packet's slot in the service's serving table leads to, or NULL for nobody.
 */
static __always_inline const struct backend *slot_backend(struct xdp_md *ctx, struct packet *packet,
							  const struct service *service)
{
	const struct flow_key key = {.k0 = hash_key_k0, .k1 = hash_key_k1};
	const struct table *table = bpf_map_lookup_elem(&tables, &packet->service);
	__u8 tracking = service->tracking[packet->kind & (FLOW_KINDS - 1)];
	__u32 number, slot, word;

	if (!table)
		return NULL;
	packet->hash = flow_hash(&packet->flow, &key, service->flags & SERVICE_AFFINITY_CLIENT);
	slot = flow_slot(packet->hash, table_size);
	/* The compiler turns the multiplication into a shift that the verifier cannot bound: say it
	 * again. */
	asm volatile("" : "+r"(slot));
	if (slot >= table_size)
		return NULL;

	packet->slot = slot;
	word = READ_ONCE(table->slots[slot]);
	number = word & SLOT_BACKEND;
	/* A settled slot does not touch 'flows'. */
	if (tracking != TRACKING_NEVER && (word & SLOT_MOVING || tracking == TRACKING_ALWAYS))
		number = moving_slot_backend(ctx, packet, service, number, word & SLOT_MOVING,
					     tracking == TRACKING_ALWAYS);
	if (!number)
		return NULL;
	packet->backend =
		READ_ONCE(service->first_backend) + number; /* after the slot: see the reconciler */
	return bpf_map_lookup_elem(&backends, &packet->backend);
}

#endif
