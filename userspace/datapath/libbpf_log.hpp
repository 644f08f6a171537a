// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guideway::datapath {

/// Keeps libbpf from printing by itself; call once before anything else of libbpf.
void capture_libbpf_log();

/// What libbpf warned of since the last call, without the final newline.
[[nodiscard]] std::string take_libbpf_log();

}  // namespace guideway::datapath
