/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPF_CLIENT_FILTER_H
#define BPF_CLIENT_FILTER_H

#include "packet.h"

/* Whether a service's filter lets the client in. The agent's proofs are nobody's. */
__noinline int client_permitted(const struct packet *packet, __u32 filter)
{
	struct client_prefix key = {
		.length = CLIENT_PREFIX_FILTER_BITS + 8 * sizeof(struct address),
		.filter = filter,
	};
	const struct client_permission *permission;

	if (!packet)
		return false;
	if (packet_is_proof(packet))
		return true;
	key.address = packet->flow.source;
	permission = bpf_map_lookup_elem(&clients, &key);
	return !permission || permission->permitted;
}

#endif
