// SPDX-License-Identifier: Apache-2.0
#include "datapath/libbpf_log.hpp"

#include <bpf/libbpf.h>

#include <algorithm>
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
    std::va_list again;
    va_copy(again, arguments);
    std::string line(static_cast<std::size_t>(std::max(0, std::vsnprintf(nullptr, 0, format, again))), '\0');
    va_end(again);
    const int length = std::vsnprintf(line.data(), line.size() + 1, format, arguments);
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
