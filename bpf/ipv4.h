/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef IPV4_H
#define IPV4_H

#include <bpf/bpf_endian.h>

#include <guideway/wire.h>

/* Of the field 'frag_off'. */
#define IPV4_DONT_FRAGMENT bpf_htons(IPV4_DONT_FRAGMENT_BIT)
#define IPV4_FRAGMENT bpf_htons(IPV4_FRAGMENT_BITS)
#define IPV4_FRAGMENT_OFFSET bpf_htons(IPV4_OFFSET_BITS)

#endif
