// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <utility>

namespace guideway {

/// What went wrong, as one sentence for an operator: the action, the object, the cause and, where there is
/// one, what to do: "update map 'backends' for 10.0.1.11: no space left (max_backends is 4096)".
struct Error {
    std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

/// The system's text for an error number; negative numbers as libbpf returns them are accepted.
[[nodiscard]] inline std::string errno_text(int error_number = errno) {
    return std::strerror(error_number < 0 ? -error_number : error_number);
}

}  // namespace guideway
