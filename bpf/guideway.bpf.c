// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The balancer: what arrives for a VIP is wrapped and sent to its backend. Read it from the bottom;
 * each verb is a header of this folder.
 */
#include "account.h"
#include "encap.h"
#include "listener.h"
#include "next_hop.h"
#include "packet.h"
#include "slot.h"

static __always_inline enum verdict forward(struct xdp_md *ctx, struct packet *packet)
{
	const struct backend *backend;
	const struct service *service;
	struct next_hop next_hop;
	enum verdict verdict;

	verdict = listener_find(packet);
	if (verdict != VERDICT_NONE)
		return verdict;

	service = bpf_map_lookup_elem(&services, &packet->service);
	if (!service)
		return VERDICT_NO_LISTENER;

	backend = slot_backend(packet, service);
	if (!backend)
		return VERDICT_NO_BACKEND;

	verdict = next_hop_read(ctx, backend, &next_hop);
	if (verdict != VERDICT_NONE)
		return verdict;

	verdict = packet_trim(ctx, packet);
	if (verdict != VERDICT_NONE)
		return verdict;

	return encap_ipip(ctx, packet, backend, &next_hop);
}

SEC("xdp.frags")
int guideway(struct xdp_md *ctx)
{
	struct packet packet = {.slot = DECISION_NO_SLOT};
	enum verdict verdict = packet_parse(ctx, &packet);

	if (verdict == VERDICT_NONE)
		verdict = forward(ctx, &packet);
	else if (verdict >= VERDICT_FIRST_DROPPED && !listener_is_vip(&packet))
		verdict = VERDICT_NOT_VIP; /* malformed, but not ours to judge */
	return account(&packet, verdict);  /* the only exit */
}

char _license[] SEC("license") = "Dual BSD/GPL";
