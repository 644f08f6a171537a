/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPS_H
#define MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <guideway/abi.h>
#include <guideway/backend.h>
#include <guideway/chance.h>
#include <guideway/client_filter.h>
#include <guideway/decision.h>
#include <guideway/flow.h>
#include <guideway/flow_record.h>
#include <guideway/fragment.h>
#include <guideway/link_address.h>
#include <guideway/listener.h>
#include <guideway/service.h>
#include <guideway/stats.h>
#include <guideway/verdict.h>

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))

/* Set by the agent before it loads the program; the sizes of the maps below are, too. */
const volatile __u64 hash_key_k0;
const volatile __u64 hash_key_k1;
/* A program that carries traffic records none, and the verifier removes the code. */
const volatile __u8 record_decisions;
/* Answers of the program's own that a CPU gives in one window of 2^ANSWER_WINDOW_SHIFT ns, and ICMP
 * errors that it lets through to each service. */
const volatile __u32 answers_per_window = 128;
const volatile __u32 errors_per_window = 128;
/* The Ethernet source of the agent's own test frames, in the low 6 bytes; see source.h. */
const volatile __u64 self_test_source;
/* In a replay: frames are taken for this host's own whatever unicast address they go to. */
const volatile __u8 any_unicast_is_own;
/* Of the 16 bits of an outer IPv4 ID, as many tell the CPUs apart; 0: there is one, or in a replay.
 */
const volatile __u8 outer_id_cpu_bits;

/*
 * The agent writes all of these but the counters, and mmaps them, so that a store costs no system
 * call and touches nothing else. Arrays, because an array read is a multiplication and a bounds
 * check.
 */

/* Which version of these layouts the pinned maps have. Read by agents only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi);
} abi SEC(".maps");

/* (VIP, port, protocol) -> service number; see guideway/listener.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LISTENER_INDEXES);
	__type(key, __u32);
	__type(value, struct listener_index);
} listeners SEC(".maps");

/* By service number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct service);
} services SEC(".maps");

/* The serving tables, a page an element: see guideway/service.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_page);
} tables SEC(".maps");

/* The same for the former owner of slots that move; not read for others. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_page);
} previous SEC(".maps");

/* By first_backend of the service + backend number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

/*
 * Records of flows in moving slots, and of services that track always. The program inserts, the
 * agent's sweeps delete. A plain hash, as an LRU evicts live records under load; preallocated, as
 * XDP cannot wait for memory.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow_id);
	__type(value, struct flow_record);
} flows SEC(".maps");

/*
 * Where datagrams went whose later fragments are still to come. The program alone reads and writes
 * it. An LRU: a record is needed for moments, and the oldest is the one that nobody waits for.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENTS_MAX);
	__type(key, struct fragment_id);
	__type(value, struct fragment_record);
} fragments SEC(".maps");

/* Filters of clients; the agent writes, only services that name a filter read. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CLIENT_PREFIXES_MAX);
	__type(key, struct client_prefix);
	__type(value, struct client_permission);
} clients SEC(".maps");

/* Interfaces that packets are redirected to, by index. Filled by the agent that loads the program;
 * not pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} interfaces SEC(".maps");

/* MAC addresses of this host's. As 'interfaces': filled by the agent that loads the program. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct link_address);
	__type(value, __u8);
} link_addresses SEC(".maps");

/* The hops that packets in moving slots name, of services that track by second chance: by service
 * number a map of its own, by slot. As 'interfaces': filled by the agent that loads the program, as
 * are the addresses that hop numbers stand for. */
struct chance_lists {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct chance_list)); /* its type would not reach BTF */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct chance_lists);
} chances SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CHANCE_HOP_NUMBERS);
	__type(key, __u32);
	__type(value, struct address);
} chance_hops SEC(".maps");

/* How many records each CPU has inserted of late, how many answers it gave, and how many ICMP
 * errors it let through, by service number; the program's own, not pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window_budget);
} flow_inserts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window_budget);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window_budget);
} icmp_errors SEC(".maps");

/* The next outer IPv4 ID of each CPU, on a cache line of its own; not pinned. */
struct outer_id {
	__u32 next;
	__u32 padding[15];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct outer_id);
} outer_ids SEC(".maps");

/* The programs count, per CPU so that no cache line is shared; the agent adds up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct service_counters);
} service_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic);
} backend_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VERDICT_MAX);
	__type(key, __u32);
	__type(value, struct verdict_count);
} verdict_stats SEC(".maps");

/* The last decision. Written by a program that is run on test frames, read after each; not pinned.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct decision);
} decisions SEC(".maps");

#endif
