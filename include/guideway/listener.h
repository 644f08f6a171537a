/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_LISTENER_H
#define GUIDEWAY_LISTENER_H

#include <guideway/abi.h>

/*
 * The listener index: which service does (VIP, port, protocol) belong to?
 *
 * A BPF hash map costs half of a packet's budget, so the agent lays out a hash table in an array:
 * every key lies in one of two slots, both computed from its hash (two-choice, one key a slot, load
 * at most 3/8). There is one entry per listener, and one per VIP, which tells a VIP without such a
 * listener (or with one for any port) from an address that is none of ours.
 *
 * The map holds two indexes and a packet reads the active one. The agent builds the other
 * one in full and then makes it active, so a reader never misses a listener that is in both.
 */
enum listener_limits {
	LISTENER_SLOTS_MIN = 64,
	LISTENER_SLOTS_MAX = 16384,
	LISTENER_KEYS_MAX = 6144, /* listeners + VIPs */
	LISTENER_INDEXES = 2,
};

enum listener_kind {
	LISTENER_EMPTY = 0, /* a zeroed slot matches no packet */
	LISTENER_PORT = 1,
	LISTENER_VIP = 2,
};

enum listener_flags {
	LISTENER_QUIC = 1 << 0, /* UDP packets are QUIC; in a VIP's entry: of VIP:any/udp */
	LISTENER_ANSWER_CLOSED = 1 << 1, /* in a VIP's entry: UDP to other ports is answered */
};

struct listener_key {
	struct address vip;
	__be16 port;   /* 0 in a VIP's entry */
	__u8 protocol; /* IPPROTO_*; 0 in a VIP's entry */
	__u8 kind;     /* enum listener_kind */
	__u32 padding;
};

/* Numbers are those of the map 'services'; 0 = none. */
struct listener {
	struct listener_key key;
	__u16 service;
	__u16 any_port_tcp; /* in a VIP's entry: the service of VIP:any/tcp */
	__u16 any_port_udp; /* in a VIP's entry: the service of VIP:any/udp */
	__u16 flags;	    /* enum listener_flags */
};

struct listener_index {
	__u32 active; /* in element 0 only: which element packets read */
	__u32 mask;   /* slots - 1: as many as the keys need, so that few cache lines are hot */
	__u64 seed;   /* chosen by the agent so that every key found a slot */
	__u64 hash_key_id[2]; /* in element 0 only: which hash key packets are placed by; one-way.
				 For agents */
	struct listener slots[LISTENER_SLOTS_MAX];
};

/*
 * The hash of a key under a seed: the low half chooses the first slot, the high half the second.
 * Not keyed: a packet can only miss or hit, and costs two reads at most.
 */
static inline __u64 listener_hash(const struct listener_key *key, __u64 seed)
{
	const abi_word *vip = (const abi_word *)key->vip.bytes;
	__u64 hash = seed;

	hash = (hash ^ vip[0]) * 0x9E3779B97F4A7C15ULL;
	hash = (hash ^ (hash >> 32) ^ vip[1]) * 0xBF58476D1CE4E5B9ULL;
	hash ^= hash >> 32;
	hash ^= (__u64)key->port << 16 | (__u64)key->protocol << 8 | key->kind;
	hash *= 0x94D049BB133111EBULL;
	return hash ^ hash >> 29;
}

#endif
