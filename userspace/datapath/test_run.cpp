// SPDX-License-Identifier: Apache-2.0
#include "datapath/test_run.hpp"

#include <bpf/bpf.h>

namespace guideway::datapath {

Result<TestRun> test_run(int program_fd, std::span<const std::uint8_t> frame) {
    constexpr std::size_t kRoomForOuterHeaders = 256;
    TestRun run;
    run.frame.resize(frame.size() + kRoomForOuterHeaders);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = run.frame.data(),
                .data_size_in = static_cast<std::uint32_t>(frame.size()),
                .data_size_out = static_cast<std::uint32_t>(run.frame.size()), .repeat = 1);
    if (bpf_prog_test_run_opts(program_fd, &options) != 0)
        return fail("test-run the XDP program on a frame of {} bytes: {}", frame.size(), errno_text());
    run.action = options.retval;
    run.frame.resize(options.data_size_out);
    return run;
}

}  // namespace guideway::datapath
