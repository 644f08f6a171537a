/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_SERVICE_H
#define GUIDEWAY_SERVICE_H

#include <guideway/abi.h>

enum service_flags {
	SERVICE_AFFINITY_CLIENT = 1 << 0, /* hash the source address alone */
	SERVICE_RETIRED =
		1
		<< 1, /* no listener leads here any more; its number is free after a grace period */
	/* How packets are wrapped; neither: IP in IP. */
	SERVICE_GRE = 1 << 2,
	SERVICE_GUE = 1 << 3,
	/* From this bit on: how many former owners a packet names at most; 0 = none */
	SERVICE_MAX_HOPS_SHIFT = 12,
};

/* What a flow's packets tell of its beginning. */
enum flow_kind {
	FLOW_TCP = 0,
	FLOW_QUIC = 1,
	FLOW_UDP = 2, /* nothing */
	FLOW_KINDS = 4,
};

/* Which flows of a kind have records. */
enum tracking {
	TRACKING_NEVER = 0,
	TRACKING_MOVES = 1, /* those in moving slots */
	TRACKING_ALWAYS = 2,
	TRACKING_SECOND_CHANCE = 3, /* none: see guideway/chance.h. TCP only */
};

enum service_limits {
	SERVICE_NAME_SIZE = 64,
	SERVICES_MAX = 65535,
	SERVICE_BACKENDS_MAX = 32767, /* a slot has 15 bits for the backend number */
};

/* Element 0 of the map 'services' stays zero: a listener that names service 0 has none. */
struct service {
	__u32 first_backend;	   /* 'backends'[first_backend + number] is backend 'number' of this
				      service */
	__u32 backend_capacity;	   /* backend numbers are 1..backend_capacity */
	__u32 first_page;	   /* 'tables'[first_page + slot / PAGE_SLOTS] has the slot */
	__u32 table_size;	   /* M: slots are 0..table_size - 1 */
	__u16 flags;		   /* enum service_flags */
	__u16 filter;		   /* which clients are served: guideway/client_filter.h; 0 = all */
	__u8 tracking[FLOW_KINDS]; /* enum tracking */
	char name[SERVICE_NAME_SIZE];
};

/*
 * A slot of 'tables': moving:1 | backend number:15, backend 0 = nobody. Numbers are
 * local to the service, so 16 bits do for any number of services.
 *
 * A slot moves from a change of its owner until no old flow needs it any more. Meanwhile 'previous'
 * of the same slot says how: a backend number = learning (flows without a record belong to that
 * backend), 0 = tracking (records alone tell). Flows of a kind with TRACKING_SECOND_CHANCE do not
 * care: their packets name former owners.
 */
enum slot_bits {
	SLOT_BACKEND = 0x7fff,
	SLOT_MOVING = 0x8000,
};

enum table_limits {
	TABLE_SIZE_DEFAULT = 65537,
	TABLE_SIZE_MIN = 251,
	TABLE_SIZE_MAX = 1048573,
	PAGE_SLOTS = 256, /* 512 bytes: the least table takes one page, the default one 257 */
};

/* A part of a service's serving table: an element of the map 'tables', and of 'previous'. The pages
 * of a service follow one another, so that its slots lie side by side. */
struct table_page {
	__u16 slots[PAGE_SLOTS];
};

static inline __u32 table_pages(__u32 table_size)
{
	return (table_size + PAGE_SLOTS - 1) / PAGE_SLOTS;
}

#endif
