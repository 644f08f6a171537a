/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPF_FRAGMENT_H
#define BPF_FRAGMENT_H

#include "link.h"
#include "packet.h"

static __always_inline void fragment_id_of(struct fragment_id *id, const struct packet *packet)
{
	id->source = packet->flow.source;
	id->destination = packet->flow.destination;
	id->id = packet->fragment_id;
	id->protocol = packet->flow.is_ipv4 ? packet->flow.protocol : 0;
	__builtin_memset(id->padding, 0, sizeof(id->padding));
}

/* The rest of the datagram shall follow its first fragment. */
__noinline int fragment_record(const struct packet *packet, __u32 first_backend)
{
	struct fragment_record record = {};
	struct fragment_id id;

	if (!packet)
		return -1;
	record = (struct fragment_record){
		.seen = bpf_ktime_get_coarse_ns(),
		.hash = packet->hash,
		.slot = packet->slot,
		.service = packet->service,
		.backend = packet->backend - first_backend,
	};
	fragment_id_of(&id, packet);
	return bpf_map_update_elem(&fragments, &id, &record, BPF_ANY);
}

/* Finds the service to which the first fragment went, as listener_find() does for others. */
__noinline int fragment_find(struct packet *packet)
{
	const struct fragment_record *record;
	const struct service *service;
	struct fragment_id id;
	__u32 number;

	if (!packet)
		return VERDICT_FRAGMENT;
	fragment_id_of(&id, packet);
	record = bpf_map_lookup_elem(&fragments, &id);
	if (!record || bpf_ktime_get_coarse_ns() - record->seen > FRAGMENT_LIFETIME_NS)
		return VERDICT_FRAGMENT;
	number = record->service;
	service = bpf_map_lookup_elem(&services, &number);
	if (!service)
		return VERDICT_FRAGMENT;
	packet->service = number;
	packet->slot = record->slot;
	packet->hash = record->hash;
	packet->backend = READ_ONCE(service->first_backend) + record->backend;
	return VERDICT_NONE;
}

#endif
