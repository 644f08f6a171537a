/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPF_FLOW_RECORD_H
#define BPF_FLOW_RECORD_H

#include "budget.h"
#include "packet.h"

static __always_inline void flow_id_of(struct flow_id *id, const struct packet *packet)
{
	id->source = packet->flow.source;
	id->destination = packet->flow.destination;
	id->source_port = packet->flow.source_port;
	id->destination_port = packet->flow.destination_port;
	id->service = packet->service;
	id->protocol = packet->flow.protocol;
	id->padding = 0;
}

/* Whether this CPU may insert one more record in the present window. */
static __always_inline bool flow_insert_allowed(__u64 now)
{
	__u32 index = 0;
	struct window_budget *budget = bpf_map_lookup_elem(&flow_inserts, &index);

	return budget &&
	       budget_allows(budget, now >> FLOW_INSERT_WINDOW_SHIFT, FLOW_INSERTS_PER_WINDOW);
}

/* Records that the flow belongs to a backend, in place of an older record of it; false if there is
 * no room. */
static __always_inline bool flow_record_store(const struct packet *packet, const struct flow_id *id,
					      const struct flow_record *older, __u32 backend,
					      struct service_counters *counters)
{
	struct flow_record record = {
		.last_seen = bpf_ktime_get_coarse_ns(),
		.slot = packet->slot,
		.backend = backend,
	};

	if ((older || flow_insert_allowed(record.last_seen)) &&
	    !bpf_map_update_elem(&flows, id, &record, BPF_ANY))
		return true;
	counters->refused_records++;
	return false;
}

/* In place: an update could resurrect a record that a sweep has just deleted. */
static __always_inline void flow_record_refresh(struct flow_record *record)
{
	__u64 now = bpf_ktime_get_coarse_ns();

	if (record->last_seen != now)
		record->last_seen = now;
}

#endif
