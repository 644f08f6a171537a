// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The balancer: what arrives for a VIP is wrapped and sent to its backend. Read it from the bottom;
 * each verb is a header of this folder.
 */
#include "account.h"
#include "client_filter.h"
#include "closed_port.h"
#include "encap.h"
#include "fragment.h"
#include "icmp.h"
#include "listener.h"
#include "next_hop.h"
#include "parse.h"
#include "slot.h"
#include "too_big.h"

/* What else is to be noted of fragments and ICMP errors. */
__noinline int note_odd(struct xdp_md *ctx, struct packet *packet, __u32 first_backend)
{
	if (!packet)
		return VERDICT_NO_BACKEND;
	if (packet->odd & PACKET_LATER_FRAGMENT)
		return VERDICT_NONE;
	if (!link_is_own(ctx, packet))
		return leave_to_others(packet);
	if (packet->odd & PACKET_ICMP_ERROR && !icmp_error_allowed(packet->service))
		return VERDICT_ICMP_ERROR_LIMITED;
	if (packet->odd & PACKET_FIRST_FRAGMENT)
		fragment_record(packet, first_backend);
	return VERDICT_NONE;
}

/* Where the packet belongs: its service, and its backend; a later fragment follows the first. */
static __always_inline enum verdict choose(struct xdp_md *ctx, struct packet *packet,
					   const struct service **service,
					   const struct backend **backend)
{
	bool later = packet->odd & PACKET_LATER_FRAGMENT;
	enum verdict verdict = later ? fragment_find(packet) : listener_find(packet);

	if (verdict != VERDICT_NONE)
		return verdict;
	*service = bpf_map_lookup_elem(&services, &packet->service);
	if (!*service)
		return VERDICT_NO_LISTENER;
	if ((*service)->filter && !client_permitted(ctx, packet, (*service)->filter))
		return VERDICT_CLIENT_DENIED;
	if (later)
		*backend = bpf_map_lookup_elem(&backends, &packet->backend);
	else
		*backend = slot_backend(ctx, packet, *service);
	if (!*backend)
		return VERDICT_NO_BACKEND;
	if (packet->odd)
		return note_odd(ctx, packet, READ_ONCE((*service)->first_backend));
	return VERDICT_NONE;
}

/* Sends it there. */
static __always_inline enum verdict send(struct xdp_md *ctx, struct packet *packet,
					 const struct service *service,
					 const struct backend *backend,
					 const struct next_hop *next_hop)
{
	enum verdict verdict = packet_trim(ctx, packet);

	if (verdict != VERDICT_NONE)
		return verdict;
	verdict = encap(ctx, packet, backend, next_hop, service->flags);
	if (verdict != VERDICT_FORWARDED)
		return verdict;
	if (next_hop_flags(next_hop) & BACKEND_VLAN && next_hop_tag(ctx, backend) != VERDICT_NONE)
		return VERDICT_NO_HEADROOM;
	/* A mixture of two ways leads nowhere. */
	if (!next_hop_is_current(backend, next_hop))
		return VERDICT_NO_NEXT_HOP;
	return VERDICT_FORWARDED;
}

static __always_inline enum verdict forward(struct xdp_md *ctx, struct packet *packet)
{
	const struct backend *backend;
	const struct service *service;
	struct next_hop next_hop;
	enum verdict verdict;
	__u32 overhead;
	__u16 mtu;

	verdict = choose(ctx, packet, &service, &backend);
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

	verdict = send(ctx, packet, service, backend, &next_hop);
	if (verdict != VERDICT_FORWARDED)
		packet->own = true; /* as it is no more told by its frame */
	return verdict;
}

/* What is dropped if it was for a VIP, and for this host. */
static __always_inline enum verdict refuse(struct xdp_md *ctx, struct packet *packet,
					   enum verdict verdict)
{
	if (!packet->service && !listener_is_vip(packet))
		return VERDICT_NOT_VIP; /* malformed, but not ours to judge */
	if (!link_is_own(ctx, packet))
		return leave_to_others(packet);
	return verdict == VERDICT_NO_LISTENER ? closed_port(ctx, packet) : verdict;
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
	if (verdict >= VERDICT_FIRST_DROPPED)
		verdict = refuse(ctx, &packet, verdict);
	return account(&packet, verdict); /* the only exit */
}

char _license[] SEC("license") = "Dual BSD/GPL";
