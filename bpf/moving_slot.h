/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MOVING_SLOT_H
#define MOVING_SLOT_H

#include "flow_record.h"
#include "link.h"
#include "parse.h"
#include "table.h"

/* The former owner of the packet's slot, while it is being learnt which flows are its; else 0. */
static __always_inline __u32 slot_previous(const struct service *service,
					   const struct packet *packet)
{
	const __u16 *place = slot_in(&previous, service, packet->slot);

	return place ? READ_ONCE(*place) & SLOT_BACKEND : 0;
}

static __always_inline bool backend_is_alive(const struct service *service, __u32 number)
{
	__u32 index = READ_ONCE(service->first_backend) + number;
	const struct backend *backend;

	if (!number)
		return false;
	backend = bpf_map_lookup_elem(&backends, &index);
	return backend && READ_ONCE(backend->flags) & BACKEND_ALIVE;
}

/*
 * The backend number for a packet whose slot moves, or whose service tracks always:
 *
 *                          learning, previous = p          tracking
 *   starts a flow          owner, recorded;                owner; an older record is deleted
 *                          no room: p if alive
 *   has a live record      the record's backend            the record's backend
 *   anything else          p if alive, else the owner;     owner
 *                          recorded
 *
 * Packets in frames for other hosts are theirs to record.
 * Tracking always is learning without a previous owner. docs/connections.md tells why each rule is
 * needed.
 */
static __always_inline __u32 moving_slot_decide(struct packet *packet,
						const struct service *service, __u32 word)
{
	__u32 owner = word & SLOT_BACKEND, former = 0, index;
	struct service_counters *counters;
	struct flow_record *record;
	bool recording, always, live;
	struct flow_id id;

	index = packet->service;
	counters = bpf_map_lookup_elem(&service_stats, &index);
	if (word & SLOT_MOVING)
		former = slot_previous(service, packet);
	always = service->tracking[packet->kind & (FLOW_KINDS - 1)] == TRACKING_ALWAYS;
	recording = former || always;
	if (!counters || packet->odd & PACKET_SELF_TEST || !packet->own)
		return owner;
	counters->flow_lookups++;
	flow_id_of(&id, packet);
	record = bpf_map_lookup_elem(&flows, &id);
	live = record && backend_is_alive(service, record->backend);

	/* What others say of a flow is no sign of its life. */
	if (packet->odd & PACKET_ICMP_ERROR)
		return live ? record->backend : backend_is_alive(service, former) ? former : owner;
	if (packet->starts_flow && !(live && packet->kind == FLOW_QUIC)) {
		if (record && !recording)
			bpf_map_delete_elem(&flows, &id);
		if (!recording || !owner || flow_record_store(packet, &id, record, owner, counters))
			return owner;
		return backend_is_alive(service, former) ? former : owner;
	}
	if (live) {
		flow_record_refresh(record);
		return record->backend;
	}
	if (!recording)
		return owner;
	if (backend_is_alive(service, former))
		owner = former;
	if (owner)
		flow_record_store(packet, &id, record, owner, counters);
	return owner;
}

/* Its caller has asked link_is_own(): one frame less of the stack that all calls share. */
__noinline int moving_slot_backend(struct packet *packet, const struct service *service, __u32 word)
{
	return packet && service ? moving_slot_decide(packet, service, word) : 0;
}

/* The same for a plain packet, which is read once more: packets in settled slots shall not pay for
 * what it takes. */
__noinline int plain_moving_slot_backend(struct xdp_md *ctx, const struct service *service,
					 __u32 number, __u32 slot, __u32 word_and_kind)
{
	struct packet packet = {.service = number, .slot = slot, .kind = word_and_kind >> 16};

	if (!service || packet_parse_plain(ctx, &packet) != VERDICT_NONE)
		return 0;
	if (packet.kind == FLOW_QUIC)
		packet.starts_flow = packet.quic_initial;
	link_is_own(ctx, &packet);
	return moving_slot_decide(&packet, service, word_and_kind & 0xffff);
}

#endif
