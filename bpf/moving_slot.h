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

/* What the rows of the table below are about. */
struct moving {
	struct packet *packet;
	struct service_counters *counters;
	struct flow_id id;
	struct flow_record *record; /* or NULL */
	bool live;		    /* the record leads to a backend that is alive */
	__u32 owner;
	__u32 former;	/* if the slot learns and its former owner is alive; else 0 */
	bool recording; /* else tracking */
};

static __always_inline bool put_on_record(struct moving *moving, __u32 backend)
{
	return flow_record_store(moving->packet, &moving->id, moving->record, backend,
				 moving->counters);
}

static __always_inline __u32 former_or_owner(const struct moving *moving)
{
	return moving->former ?: moving->owner;
}

static __always_inline __u32 flow_begins(struct moving *moving)
{
	if (!moving->recording) {
		if (moving->record)
			bpf_map_delete_elem(&flows, &moving->id);
		return moving->owner;
	}
	if (!moving->owner || put_on_record(moving, moving->owner))
		return moving->owner;
	return former_or_owner(moving);
}

static __always_inline __u32 flow_is_known(const struct moving *moving)
{
	flow_record_refresh(moving->record);
	return moving->record->backend;
}

static __always_inline __u32 flow_is_unknown(struct moving *moving)
{
	__u32 backend = former_or_owner(moving);

	if (moving->recording && backend)
		put_on_record(moving, backend);
	return backend;
}

/* What others say of a flow is no sign of its life. */
static __always_inline __u32 flow_is_quoted(const struct moving *moving)
{
	return moving->live ? moving->record->backend : former_or_owner(moving);
}

/*
 * The backend number for a packet whose slot moves, or whose service tracks always:
 *
 *                          recording                       tracking
 *   starts a flow          owner, recorded;                owner; an older record is deleted
 *                          no room: the former owner
 *   has a live record      the record's backend            the record's backend
 *   anything else          the former owner; recorded      owner
 *   is quoted by others    the record's backend, or        the record's backend, or the owner
 *                          the former owner
 *
 * A slot records while it learns, and where all flows are tracked. Where the former owner is dead,
 * or there is none, the owner stands in its place. Packets in frames for other hosts are theirs to
 * record. docs/connections.md tells why each rule is needed.
 */
static __always_inline __u32 moving_slot_decide(struct packet *packet,
						const struct service *service, __u32 word)
{
	__u32 former = word & SLOT_MOVING ? slot_previous(service, packet) : 0;
	struct moving moving = {.packet = packet, .owner = word & SLOT_BACKEND};
	__u32 index = packet->service;

	moving.counters = bpf_map_lookup_elem(&service_stats, &index);
	if (!moving.counters || packet->odd & PACKET_SELF_TEST || !packet->own)
		return moving.owner;
	moving.counters->flow_lookups++;
	flow_id_of(&moving.id, packet);
	moving.record = bpf_map_lookup_elem(&flows, &moving.id);
	moving.live = moving.record && backend_is_alive(service, moving.record->backend);
	moving.recording =
		former || service->tracking[packet->kind & (FLOW_KINDS - 1)] == TRACKING_ALWAYS;
	if (backend_is_alive(service, former))
		moving.former = former;

	if (packet->odd & PACKET_ICMP_ERROR)
		return flow_is_quoted(&moving);
	if (packet->starts_flow && !(moving.live && packet->kind == FLOW_QUIC))
		return flow_begins(&moving);
	return moving.live ? flow_is_known(&moving) : flow_is_unknown(&moving);
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
