/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SLOT_H
#define SLOT_H

#include "packet.h"

/* The backend that owns the packet's slot in the service's serving table, or NULL for nobody. */
static __always_inline const struct backend *slot_backend(struct packet *packet,
							  const struct service *service)
{
	const struct flow_key key = {.k0 = hash_key_k0, .k1 = hash_key_k1};
	const struct table *table = bpf_map_lookup_elem(&tables, &packet->service);
	__u32 number, slot;

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
	number = READ_ONCE(table->slots[slot]) & SLOT_BACKEND;
	if (!number)
		return NULL;
	packet->backend =
		READ_ONCE(service->first_backend) + number; /* after the slot: see the reconciler */
	return bpf_map_lookup_elem(&backends, &packet->backend);
}

#endif
