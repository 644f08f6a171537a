// SPDX-License-Identifier: Apache-2.0
#include "agent/overrides_file.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "util/file.hpp"

namespace guideway::agent {

namespace {
using Json = nlohmann::ordered_json;
using Backends = std::set<control::BackendId>;

Json to_json(const Backends& backends) {
    Json list = Json::array();
    for (const auto& backend : backends)
        list.push_back({{"service", backend.service}, {"backend", backend.address.text()}});
    return list;
}

/// Throws if it is something else.
Backends backends_in(const Json& list) {
    Backends backends;
    for (const auto& item : list)
        backends.insert({item.at("service").get<std::string>(),
                         IpAddress::parse(item.at("backend").get<std::string>()).value()});
    return backends;
}
}  // namespace

Result<control::Overrides> OverridesFile::read() const {
    if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT)
        return control::Overrides{};
    const auto text = read_file(path_);
    if (!text)
        return std::unexpected(text.error());
    try {
        const Json json = Json::parse(*text);
        return control::Overrides{.drained = backends_in(json.at("drained")),
                                  .disabled = backends_in(json.at("disabled")),
                                  .withdrawn = json.value("withdrawn", false)};
    } catch (const std::exception& error) {
        return fail("read {}: {}", path_, error.what());
    }
}

Result<void> OverridesFile::write(const control::Overrides& overrides) const {
    const Json json = {{"drained", to_json(overrides.drained)},
                       {"disabled", to_json(overrides.disabled)},
                       {"withdrawn", overrides.withdrawn}};
    return replace_file(path_, json.dump(2) + '\n');
}

}  // namespace guideway::agent
