// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs the program under test on a frame that lies at the very start of its buffer, as a driver without
 * headroom would hand it over: a test run always gives 256 bytes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define FRAME 64 /* the only length it takes */
#define USED 208 /* what the kernel leaves of the headroom for itself is more than the rest */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

SEC("xdp.frags")
int no_headroom(struct xdp_md *ctx)
{
	void *data, *end;

	if (bpf_xdp_adjust_head(ctx, -USED))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + USED + FRAME > end)
		return XDP_ABORTED;
	__builtin_memcpy(data, data + USED, FRAME);
	if (bpf_xdp_adjust_tail(ctx, -USED))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
