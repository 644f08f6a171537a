// SPDX-License-Identifier: Apache-2.0
#include "datapath/test_run.hpp"

#include <bpf/bpf.h>
#include <linux/bpf.h>

namespace guideway::datapath {

namespace {
/// What the program is told beside the frame, if anything.
struct Context {
    const char* kind;  ///< of the program: XDP or tc
    void* value = nullptr;
    std::uint32_t size = 0;
};

Result<TestRun> run_in(const Context& context, int program_fd, std::span<const std::uint8_t> frame) {
    constexpr std::size_t kRoomForOuterHeaders = 256;
    TestRun run;
    run.frame.resize(frame.size() + kRoomForOuterHeaders);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = run.frame.data(),
                .data_size_in = static_cast<std::uint32_t>(frame.size()),
                .data_size_out = static_cast<std::uint32_t>(run.frame.size()), .ctx_in = context.value,
                .ctx_size_in = context.size, .repeat = 1);
    if (bpf_prog_test_run_opts(program_fd, &options) != 0)
        return fail("test-run the {} program on a frame of {} bytes: {}", context.kind, frame.size(),
                    errno_text());
    run.action = options.retval;
    run.frame.resize(options.data_size_out);
    return run;
}
}  // namespace

Result<TestRun> test_run(int program_fd, std::span<const std::uint8_t> frame, std::uint32_t interface) {
    if (interface == kTestRunInterface)
        return run_in({.kind = "XDP"}, program_fd, frame);
    xdp_md context{};
    context.data_end = static_cast<std::uint32_t>(frame.size());
    context.ingress_ifindex = interface;
    return run_in({"XDP", &context, sizeof(context)}, program_fd, frame);
}

Result<TestRun> test_run_marked(int program_fd, std::uint32_t mark, std::span<const std::uint8_t> frame) {
    __sk_buff context{};
    context.mark = mark;
    return run_in({"tc", &context, sizeof(context)}, program_fd, frame);
}

}  // namespace guideway::datapath
