/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_FLOW_H
#define GUIDEWAY_FLOW_H

#include <guideway/abi.h>

/* SipHash key; each half little-endian from the 16 key bytes, as usual. */
struct flow_key {
	__u64 k0;
	__u64 k1;
};

/* One direction of a flow as the client sends it; everything as on the wire. */
struct flow {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 is_ipv4;
	__u16 padding;
};

/* A packet must not pay for a call. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

struct siphash {
	__u64 v0, v1, v2, v3;
};

ALWAYS_INLINE __u64 siphash_rotate(__u64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

ALWAYS_INLINE void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 = siphash_rotate(s->v2, 32);
}

ALWAYS_INLINE void siphash_compress(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

ALWAYS_INLINE __u64 siphash_finish(struct siphash *s)
{
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/*
 * Hash format 1: SipHash-1-3 over source, destination, source port, destination port and protocol
 * as on the wire: 13 bytes for IPv4, 37 for IPv6, and the message's length in the last byte of the
 * last word. With by_client everything but the source address is zero. Little-endian machines only.
 */
ALWAYS_INLINE __u64 flow_hash(const struct flow *flow, const struct flow_key *key, int by_client)
{
	const abi_word *source = (const abi_word *)flow->source.bytes;
	const abi_word *destination = (const abi_word *)flow->destination.bytes;
	__u64 last = flow->source_port | (__u64)flow->destination_port << 16 |
		     (__u64)flow->protocol << 32;
	__u64 kept = by_client ? 0 : ~0ULL;
	struct siphash s = {
		.v0 = key->k0 ^ 0x736f6d6570736575ULL,
		.v1 = key->k1 ^ 0x646f72616e646f6dULL,
		.v2 = key->k0 ^ 0x6c7967656e657261ULL,
		.v3 = key->k1 ^ 0x7465646279746573ULL,
	};

	if (flow->is_ipv4) {
		siphash_compress(&s, source[1] >> 32 | (destination[1] >> 32 << 32 & kept));
		siphash_compress(&s, (last & kept) | 13ULL << 56);
	} else {
		siphash_compress(&s, source[0]);
		siphash_compress(&s, source[1]);
		siphash_compress(&s, destination[0] & kept);
		siphash_compress(&s, destination[1] & kept);
		siphash_compress(&s, (last & kept) | 37ULL << 56);
	}
	return siphash_finish(&s);
}

/* The slot of a hash in a table of table_size slots. */
ALWAYS_INLINE __u32 flow_slot(__u64 hash, __u32 table_size)
{
	return (hash >> 32) * table_size >> 32;
}

#endif
