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
	traffic->new_flows += packet->starts_flow;
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

/* Counts the packet under its verdict, and for whom it was sent; returns what XDP shall do. */
static __always_inline int account(const struct packet *packet, enum verdict verdict)
{
	bool redirected = verdict == VERDICT_FORWARDED && packet->interface;
	__u32 index = redirected ? VERDICT_REDIRECTED : verdict;
	struct verdict_count *count = bpf_map_lookup_elem(&verdict_stats, &index);

	if (count) {
		count->packets++;
		count->bytes += packet->length;
	}
	if (record_decisions)
		record(packet, index);
	if (verdict >= VERDICT_FIRST_DROPPED)
		return XDP_DROP;
	if (packet->backend) {
		count_traffic(&service_stats, packet->service, packet);
		count_traffic(&backend_stats, packet->backend, packet);
	}
	if (verdict < VERDICT_FIRST_SENT)
		return XDP_PASS;
	return redirected ? bpf_redirect_map(&interfaces, packet->interface, XDP_DROP) : XDP_TX;
}

#endif
