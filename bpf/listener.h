/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPF_LISTENER_H
#define BPF_LISTENER_H

#include "packet.h"

/* 0 if it is the key's entry. */
static __always_inline __u64 listener_difference(const struct listener *listener,
						 const struct listener_key *key)
{
	const __u64 *have = (const __u64 *)&listener->key;
	const __u64 *want = (const __u64 *)key;

	return (have[0] ^ want[0]) | (have[1] ^ want[1]) | (have[2] ^ want[2]);
}

/* The entry of a key in the index that is active now, or NULL. */
static __always_inline const struct listener *listener_probe(const struct listener_key *key)
{
	const struct listener_index *index;
	const struct listener *listener;
	__u64 hash;
	__u32 element = 0;

	index = bpf_map_lookup_elem(&listeners, &element);
	if (!index)
		return NULL;
	element = READ_ONCE(index->active);
	if (element) {
		index = bpf_map_lookup_elem(&listeners, &element);
		if (!index)
			return NULL;
	}

	hash = listener_hash(key, index->seed);
	listener = &index->slots[hash & index->mask & (LISTENER_SLOTS_MAX - 1)];
	if (!listener_difference(listener, key))
		return listener;
	listener = &index->slots[(hash >> 32) & index->mask & (LISTENER_SLOTS_MAX - 1)];
	return listener_difference(listener, key) ? NULL : listener;
}

/* The entry of an address that is a VIP, or NULL. */
static __always_inline const struct listener *listener_of_vip(const struct address *vip)
{
	struct listener_key key = {
		.vip = *vip,
		.kind = LISTENER_VIP,
	};

	return listener_probe(&key);
}

static __always_inline bool listener_is_vip(const struct packet *packet)
{
	return listener_of_vip(&packet->flow.destination) != NULL;
}

static __always_inline void listener_serves(struct packet *packet, const struct listener *listener,
					    __u16 service)
{
	packet->service = service;
	if (packet->flow.protocol == IPPROTO_TCP)
		return;
	packet->kind = listener->flags & LISTENER_QUIC ? FLOW_QUIC : FLOW_UDP;
	packet->starts_flow = packet->kind == FLOW_QUIC && packet->quic_initial;
}

/* Finds the service that listens where the packet goes, its exact port first. */
static __always_inline enum verdict listener_find(struct packet *packet)
{
	struct listener_key key = {
		.vip = packet->flow.destination,
		.port = packet->flow.destination_port,
		.protocol = packet->flow.protocol,
		.kind = LISTENER_PORT,
	};
	const struct listener *listener = listener_probe(&key);

	if (listener) {
		listener_serves(packet, listener, listener->service);
		return VERDICT_NONE;
	}
	listener = listener_of_vip(&packet->flow.destination);
	if (!listener)
		return VERDICT_NOT_VIP;
	listener_serves(packet, listener,
			packet->flow.protocol == IPPROTO_TCP ? listener->any_port_tcp
							     : listener->any_port_udp);
	return packet->service ? VERDICT_NONE : VERDICT_NO_LISTENER;
}

#endif
