/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef GUIDEWAY_DECISION_H
#define GUIDEWAY_DECISION_H

#include <guideway/abi.h>

enum decision_limits {
	DECISION_NO_SLOT = 0xffffffff,
};

/* What the program decided about one packet: for replay, trace and tests. */
struct decision {
	__u32 verdict; /* enum verdict */
	__u32 service; /* number; 0 = none */
	__u32 backend; /* index in 'backends'; 0 = none */
	__u32 slot;    /* DECISION_NO_SLOT = none */
};

#endif
