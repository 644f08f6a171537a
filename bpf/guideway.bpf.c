// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The balancer: what arrives for a VIP is wrapped and sent to its backend. Read it from the bottom;
 * each verb is a header of this folder.
 */
#include "account.h"
#include "chance.h"
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

/* The way that a packet was found to go. */
struct route {
	const struct service *service;
	const struct backend *backend;
	struct next_hop next_hop;
	__u16 service_flags;
	bool over_ipv4;
	bool has_chance; /* in moving slots the flow's packets name former owners */
};

/* Whether the service's filter lets the packet in. */
static __always_inline bool permitted(struct xdp_md *ctx, const struct packet *packet, __u32 filter,
				      enum way way)
{
	if (way == PLAIN)
		return plain_client_permitted(ctx, packet->flow.is_ipv4, filter);
	return client_permitted(ctx, packet, filter);
}

/* Whose packet it is; a later fragment follows the first. */
static __always_inline enum verdict find_service(struct packet *packet, enum way way)
{
	if (way == GENERAL && packet->odd & PACKET_LATER_FRAGMENT)
		return fragment_find(packet);
	return listener_find(packet);
}

/* Whether the service takes it, and its backend. */
static __always_inline enum verdict choose(struct xdp_md *ctx, struct packet *packet,
					   struct route *route, enum way way)
{
	__u32 index = packet->service;
	const struct service *service;

	service = bpf_map_lookup_elem(&services, &index);
	if (!service)
		return VERDICT_NO_LISTENER;
	if (way == PLAIN || !(packet->odd & PACKET_LATER_FRAGMENT))
		packet_hash(packet, service->flags);
	route->service = service;
	route->service_flags = service->flags;
	route->has_chance =
		service->tracking[packet->kind & (FLOW_KINDS - 1)] == TRACKING_SECOND_CHANCE;
	if (service->filter && !permitted(ctx, packet, service->filter, way))
		return VERDICT_CLIENT_DENIED;
	index = packet->backend;
	if (way == GENERAL && packet->odd & PACKET_LATER_FRAGMENT)
		route->backend = bpf_map_lookup_elem(&backends, &index);
	else
		route->backend = slot_backend(ctx, packet, service, way);
	if (!route->backend)
		return VERDICT_NO_BACKEND;
	if (way == PLAIN && packet->has_chance)
		return VERDICT_NOT_PLAIN;
	if (way == GENERAL && packet->odd & PACKET_LATER_FRAGMENT)
		packet->has_chance = fragment_has_chance(packet, service);
	if (way == GENERAL && packet->has_chance)
		chance_find(packet);
	if (way == GENERAL && packet->odd)
		return note_odd(ctx, packet, READ_ONCE(service->first_backend));
	return VERDICT_NONE;
}

/* What becomes of a packet that is too long for its way: its sender is told the MTU that leaves
 * room for the longest list; where no answer is possible, the list is shortened. */
static __always_inline enum verdict fit(struct xdp_md *ctx, struct packet *packet, __u16 mtu,
					__u32 overhead, __u32 longest, bool over_ipv4)
{
	enum verdict verdict = too_big(ctx, packet, mtu, longest);

	if (!packet->hop_count || (verdict != VERDICT_NONE && verdict != VERDICT_TOO_BIG_NO_DF))
		return verdict;
	chance_shorten(packet, mtu, over_ipv4);
	if (packet->hop_count || packet->length + overhead <= mtu)
		return VERDICT_NONE;
	return verdict;
}

/* Finds the packet's way, and whether it fits. */
static __always_inline enum verdict find_route(struct xdp_md *ctx, struct packet *packet,
					       struct route *route, enum way way)
{
	enum verdict verdict = choose(ctx, packet, route, way);
	__u32 overhead, present;
	__u16 mtu;

	if (verdict != VERDICT_NONE)
		return verdict;
	verdict = next_hop_read(ctx, packet, route->backend, &route->next_hop, way);
	if (verdict != VERDICT_NONE)
		return verdict;

	route->over_ipv4 = address_is_ipv4(&route->backend->address);
	/* A list may be of the slot's former owner, whose family was another. */
	if (way == GENERAL && !route->over_ipv4 && packet->hop_count > CHANCE_HOPS_IPV6_MAX)
		packet->hop_count = CHANCE_HOPS_IPV6_MAX;
	overhead = encap_overhead(route->over_ipv4, route->service_flags);
	present = way == GENERAL && packet->hop_count
			  ? chance_overhead(route->over_ipv4, packet->hop_count)
			  : overhead;
	mtu = READ_ONCE(route->backend->mtu);
	if (packet->length + present <= mtu)
		return VERDICT_NONE;
	if (way == PLAIN)
		return VERDICT_NOT_PLAIN;
	return fit(ctx, packet, mtu, overhead,
		   route->has_chance ? chance_overhead(route->over_ipv4,
						       chance_most_hops(route->service_flags,
									route->over_ipv4))
				     : overhead,
		   route->over_ipv4);
}

/* Sends it there. */
static __always_inline enum verdict send(struct xdp_md *ctx, struct packet *packet,
					 const struct route *route, enum way way)
{
	enum verdict verdict = packet_trim(ctx, packet);

	if (verdict != VERDICT_NONE)
		return verdict;
	verdict = encap(ctx, packet, route->backend, &route->next_hop, route->service_flags,
			route->over_ipv4, way);
	if (verdict != VERDICT_FORWARDED)
		return verdict;
	if (way == GENERAL && next_hop_flags(&route->next_hop) & BACKEND_VLAN &&
	    next_hop_tag(ctx, route->backend) != VERDICT_NONE)
		return VERDICT_NO_HEADROOM;
	/* A mixture of two ways leads nowhere. */
	if (!next_hop_is_current(route->backend, &route->next_hop))
		return VERDICT_NO_NEXT_HOP;
	return VERDICT_FORWARDED;
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

/* From service to wire, whatever the packet is. */
static __always_inline enum verdict forward(struct xdp_md *ctx, struct packet *packet)
{
	struct route route;
	enum verdict verdict = find_service(packet, GENERAL);

	if (verdict != VERDICT_NONE)
		return verdict;
	verdict = find_route(ctx, packet, &route, GENERAL);
	if (verdict != VERDICT_NONE)
		return verdict;
	verdict = send(ctx, packet, &route, GENERAL);
	if (verdict != VERDICT_FORWARDED)
		packet->own = true; /* as it is no more told by its frame */
	return verdict;
}

/* The way of all that is not plain, from the start: what was found out on the other is not kept,
 * but for what a moving slot has recorded. */
__noinline int go_general(struct xdp_md *ctx, __u32 decided)
{
	struct packet packet = {.slot = DECISION_NO_SLOT, .decided = decided};
	enum verdict verdict = packet_parse(ctx, &packet);

	if (verdict == VERDICT_ICMP)
		verdict = icmp_read(ctx, &packet);
	if (verdict == VERDICT_NONE)
		verdict = forward(ctx, &packet);
	if (verdict >= VERDICT_FIRST_DROPPED)
		verdict = refuse(ctx, &packet, verdict);
	return account(&packet, verdict);
}

/* The way of a plain packet. Once it is being sent there is nothing to leave for: only a verdict.
 */
static __always_inline int go_plain(struct xdp_md *ctx, struct packet *packet, enum verdict verdict)
{
	struct route route;

	if (verdict != VERDICT_NONE)
		return go_general(ctx, 0);
	verdict = find_service(packet, PLAIN);
	if (verdict == VERDICT_NOT_VIP)
		return account(packet, VERDICT_NOT_VIP);
	if (verdict != VERDICT_NONE || find_route(ctx, packet, &route, PLAIN) != VERDICT_NONE)
		return go_general(ctx, packet->decided);
	verdict = send(ctx, packet, &route, PLAIN);
	if (verdict == VERDICT_FORWARDED)
		return account(packet, VERDICT_FORWARDED); /* the compiler knows which */
	return account(packet, verdict);
}

SEC("xdp.frags")
int guideway(struct xdp_md *ctx)
{
	struct packet packet = {.slot = DECISION_NO_SLOT};
	struct cursor cursor;

	if (parse_link(ctx, &packet, &cursor, PLAIN) != VERDICT_NONE)
		return go_general(ctx, 0);
	/* Each family has a copy of the rest, without branches between the two. */
	if (cursor.protocol == bpf_htons(ETH_P_IP))
		return go_plain(ctx, &packet, parse_ipv4(ctx, &packet, &cursor, PLAIN));
	if (cursor.protocol == bpf_htons(ETH_P_IPV6))
		return go_plain(ctx, &packet, parse_ipv6(ctx, &packet, &cursor, PLAIN));
	return go_general(ctx, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
