// SPDX-License-Identifier: Apache-2.0
#include "datapath/libbpf_log.hpp"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <utility>

namespace guideway::datapath {

namespace {
constexpr std::size_t kKept = 64 * 1024;
thread_local std::string captured;

int capture(libbpf_print_level level, const char* format, va_list arguments) {
    if (level != LIBBPF_WARN || captured.size() > kKept)
        return 0;
    char line[4096];
    const int length = std::vsnprintf(line, sizeof(line), format, arguments);
    captured += line;
    return length;
}
}  // namespace

void capture_libbpf_log() {
    libbpf_set_print(capture);
}

std::string take_libbpf_log() {
    std::string text = std::exchange(captured, {});
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

}  // namespace guideway::datapath
