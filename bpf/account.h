/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "packet.h"

/* The traffic is the first that the map's elements hold. */
static __always_inline void count_traffic(void *map, __u32 index, const struct packet *packet)
{
	struct traffic *traffic = bpf_map_lookup_elem(map, &index);

	if (!traffic)
		return;
	traffic->packets++;
	traffic->bytes += packet->length;
	if (packet->starts_flow)
		traffic->new_flows++;
}

static __always_inline void record(const struct packet *packet, enum verdict verdict)
{
	__u32 index = 0;
	struct decision *decision = bpf_map_lookup_elem(&decisions, &index);

	if (!decision)
		return;
	decision->verdict = verdict;
	decision->service = packet->service;
	decision->backend = packet->backend;
	decision->slot = packet->slot;
}

static __always_inline void count_verdict(const struct packet *packet, __u32 verdict)
{
	struct verdict_count *count = bpf_map_lookup_elem(&verdict_stats, &verdict);

	if (!count)
		return;
	count->packets++;
	count->bytes += packet->length;
}

/* Counts the packet under its verdict, and what it was sent for; returns what XDP shall do. */
static __always_inline int account(struct packet *packet, enum verdict verdict)
{
	if (verdict == VERDICT_FORWARDED && packet->interface)
		verdict = VERDICT_REDIRECTED;
	if (record_decisions)
		record(packet, verdict);
	if (packet->odd & PACKET_SELF_TEST)
		packet->backend = 0;
	else
		count_verdict(packet, verdict);
	if (verdict >= VERDICT_FIRST_DROPPED)
		return XDP_DROP;
	if (packet->backend) {
		count_traffic(&service_stats, packet->service, packet);
		count_traffic(&backend_stats, packet->backend, packet);
	}
	if (verdict < VERDICT_FIRST_SENT)
		return XDP_PASS;
	if (verdict == VERDICT_REDIRECTED)
		return bpf_redirect_map(&interfaces, packet->interface, XDP_DROP);
	return XDP_TX;
}

#endif
