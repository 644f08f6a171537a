/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdbool.h>

#include "maps.h"

/* Takes one of what this CPU may spend in a window of time; false: it is spent. */
static __always_inline bool budget_allows(struct window_budget *budget, __u64 window, __u64 limit)
{
	if (budget->window != window) {
		budget->window = window;
		budget->used = 0;
	}
	return budget->used++ < limit;
}

#endif
