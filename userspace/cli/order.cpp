// SPDX-License-Identifier: Apache-2.0
#include "cli/order.hpp"

#include <fmt/format.h>

#include "api/control_client.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"

namespace guideway::cli {

void print_done(const nlohmann::ordered_json& result) {
    const auto did = result.find("did");  // an agent of an earlier version does not say
    if (did == result.end())
        return;
    for (const auto& sentence : *did)
        fmt::print("{}\n", sentence.get<std::string>());
}

int give_order(const std::string& runtime_dir, const std::string& order, const std::string& body) {
    const auto result = api::ask_agent_json(runtime_dir, "POST", "/" + order, body);
    if (!result)
        return refuse(result.error());
    for (const auto& error : result->at("errors"))
        refuse({fmt::format("{}: {}", order, error.get<std::string>())});
    print_done(*result);
    return result->at("ok").get<bool>() ? kDone : kRefused;
}

}  // namespace guideway::cli
