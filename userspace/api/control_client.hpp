// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "util/result.hpp"

namespace guideway::api {

/// The name of the control socket in an agent's runtime_dir.
[[nodiscard]] std::string control_socket(const std::string& runtime_dir);

struct ControlReply {
    unsigned status = 0;
    std::string body;
};

/// Asks the agent of this runtime_dir: `GET /status`. Errors: no agent answers there.
[[nodiscard]] Result<ControlReply> ask_agent(const std::string& runtime_dir, const std::string& method,
                                             const std::string& path, const std::string& body = {});

/// The same, of an answer in JSON. Errors: also an answer that is none, which they quote.
[[nodiscard]] Result<nlohmann::ordered_json> ask_agent_json(const std::string& runtime_dir,
                                                            const std::string& method,
                                                            const std::string& path,
                                                            const std::string& body = {});

}  // namespace guideway::api
