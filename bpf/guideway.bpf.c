// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The balancer: what arrives for a VIP is wrapped and sent to its backend. Read it from the bottom;
 * each verb is a header of this folder.
 */
#include "account.h"
#include "client_filter.h"
#include "encap.h"
#include "fragment.h"
#include "icmp.h"
#include "listener.h"
#include "next_hop.h"
#include "packet.h"
#include "slot.h"
#include "too_big.h"

/* Where the packet belongs: its service and its backend; a later fragment follows the first. */
static __always_inline enum verdict choose(struct packet *packet, const struct service **service,
					   const struct backend **backend)
{
	bool later = packet->fragment == FRAGMENT_LATER;
	enum verdict verdict = later ? fragment_find(packet) : listener_find(packet);

	if (verdict != VERDICT_NONE)
		return verdict;
	*service = bpf_map_lookup_elem(&services, &packet->service);
	if (!*service)
		return VERDICT_NO_LISTENER;
	if ((*service)->filter && !client_permitted(packet, (*service)->filter))
		return VERDICT_CLIENT_DENIED;
	if (later)
		*backend = bpf_map_lookup_elem(&backends, &packet->backend);
	else
		*backend = slot_backend(packet, *service);
	if (!*backend)
		return VERDICT_NO_BACKEND;
	if (packet->fragment == FRAGMENT_FIRST)
		fragment_record(packet, READ_ONCE((*service)->first_backend));
	return VERDICT_NONE;
}

static __always_inline enum verdict forward(struct xdp_md *ctx, struct packet *packet)
{
	const struct backend *backend;
	const struct service *service;
	struct next_hop next_hop;
	enum verdict verdict;
	__u32 overhead;
	__u16 mtu;

	verdict = choose(packet, &service, &backend);
	if (verdict != VERDICT_NONE)
		return verdict;

	verdict = next_hop_read(ctx, packet, backend, &next_hop);
	if (verdict != VERDICT_NONE)
		return verdict;

	overhead = encap_overhead(backend, service->flags);
	mtu = READ_ONCE(backend->mtu);
	if (packet->length + overhead > mtu) {
		verdict = too_big(ctx, packet, mtu, overhead);
		if (verdict != VERDICT_NONE)
			return verdict;
	}

	verdict = packet_trim(ctx, packet);
	if (verdict != VERDICT_NONE)
		return verdict;

	verdict = encap(ctx, packet, backend, &next_hop, service->flags);
	if (next_hop.flags & BACKEND_VLAN && verdict == VERDICT_FORWARDED &&
	    next_hop_tag(ctx, backend) != VERDICT_NONE)
		return VERDICT_NO_HEADROOM;
	return verdict;
}

SEC("xdp.frags")
int guideway(struct xdp_md *ctx)
{
	struct packet packet = {.slot = DECISION_NO_SLOT};
	enum verdict verdict = packet_parse(ctx, &packet);

	if (verdict == VERDICT_ICMP)
		verdict = icmp_read(ctx, &packet);
	if (verdict == VERDICT_NONE)
		verdict = forward(ctx, &packet);
	if (verdict >= VERDICT_FIRST_DROPPED && !packet.service && !listener_is_vip(&packet))
		verdict = VERDICT_NOT_VIP; /* malformed, but not ours to judge */
	return account(&packet, verdict);  /* the only exit */
}

char _license[] SEC("license") = "Dual BSD/GPL";
