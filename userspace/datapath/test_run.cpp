// SPDX-License-Identifier: Apache-2.0
#include "datapath/test_run.hpp"

#include <bpf/bpf.h>
#include <linux/bpf.h>

namespace guideway::datapath {

namespace {
/// `context` is the tc program's; an XDP program has none.
Result<TestRun> run_on(int program_fd, __sk_buff* context, std::span<const std::uint8_t> frame) {
    constexpr std::size_t kRoomForOuterHeaders = 256;
    TestRun run;
    run.frame.resize(frame.size() + kRoomForOuterHeaders);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = run.frame.data(),
                .data_size_in = static_cast<std::uint32_t>(frame.size()),
                .data_size_out = static_cast<std::uint32_t>(run.frame.size()), .ctx_in = context,
                .ctx_size_in = static_cast<std::uint32_t>(context != nullptr ? sizeof(*context) : 0),
                .repeat = 1);
    if (bpf_prog_test_run_opts(program_fd, &options) != 0)
        return fail("test-run the {} program on a frame of {} bytes: {}", context != nullptr ? "tc" : "XDP",
                    frame.size(), errno_text());
    run.action = options.retval;
    run.frame.resize(options.data_size_out);
    return run;
}
}  // namespace

Result<TestRun> test_run(int program_fd, std::span<const std::uint8_t> frame) {
    return run_on(program_fd, nullptr, frame);
}

Result<TestRun> test_run_marked(int program_fd, std::uint32_t mark, std::span<const std::uint8_t> frame) {
    __sk_buff context{};
    context.mark = mark;
    return run_on(program_fd, &context, frame);
}

}  // namespace guideway::datapath
