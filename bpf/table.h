/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TABLE_H
#define TABLE_H

#include "maps.h"

/* Where a map of table pages has the service's slot, or NULL. */
static __always_inline const __u16 *slot_in(void *pages, const struct service *service, __u32 slot)
{
	__u32 page = service->first_page + slot / PAGE_SLOTS;
	const struct table_page *found = bpf_map_lookup_elem(pages, &page);

	return found ? &found->slots[slot % PAGE_SLOTS] : NULL;
}

#endif
