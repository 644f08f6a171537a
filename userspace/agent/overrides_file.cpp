// SPDX-License-Identifier: Apache-2.0
#include "agent/overrides_file.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

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
    for (const auto& item : list) {
        const auto text = item.at("backend").get<std::string>();
        const auto address = IpAddress::parse(text);
        if (!address)
            throw std::runtime_error(fmt::format("'{}' is no address", text));
        backends.insert({item.at("service").get<std::string>(), *address});
    }
    return backends;
}

Result<control::Overrides> overrides_in(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        return control::Overrides{.drained = backends_in(json.at("drained")),
                                  .disabled = backends_in(json.at("disabled")),
                                  .withdrawn = json.value("withdrawn", false)};
    } catch (const std::exception& error) {
        return fail("{}", error.what());
    }
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}
}  // namespace

Result<OverridesFile> OverridesFile::open(const config::Config& config, const ExclusiveLock& runtime_lock) {
    const auto directory = config::state_dir_of(config);
    if (runtime_lock.holds(directory))
        return OverridesFile(directory, config.runtime_dir, std::nullopt);
    auto lock = ExclusiveLock::make_and_take(directory);
    if (lock)
        return OverridesFile(directory, config.runtime_dir, std::move(*lock));
    if (!config.state_dir.empty() || exists(directory))
        return std::unexpected(lock.error());
    spdlog::warn(
        "{}; what is said by hand is kept in {}, and forgotten when the host reboots; set state_dir to a "
        "directory "
        "that can be written to",
        lock.error().message, config.runtime_dir);
    return OverridesFile(config.runtime_dir, config.runtime_dir, std::nullopt);
}

Result<control::Overrides> OverridesFile::read() const {
    const std::string earlier = runtime_dir_ + "/overrides.json";
    const std::string found = exists(path()) ? path() : earlier;
    if (!exists(found))
        return control::Overrides{};
    const auto text = read_file(found);
    if (!text)
        return std::unexpected(text.error());
    auto overrides = overrides_in(*text);
    if (overrides)
        return overrides;
    const std::string aside = found + ".unreadable";
    const bool moved = std::rename(found.c_str(), aside.c_str()) == 0;
    return fail("read {}: it is not what an agent writes ({}); {} {}", found, overrides.error().message,
                moved ? "it is now" : "it could not be put aside as", aside);
}

Result<void> OverridesFile::write(const control::Overrides& overrides) const {
    const Json json = {{"drained", to_json(overrides.drained)},
                       {"disabled", to_json(overrides.disabled)},
                       {"withdrawn", overrides.withdrawn}};
    return replace_file(path(), json.dump(2) + '\n');
}

Result<bool> OverridesFile::repair(const control::Overrides& overrides) {
    const bool lost_directory = lock_ && !lock_->holds(directory_);
    if (lost_directory) {
        auto lock = ExclusiveLock::make_and_take(directory_);
        if (!lock)
            return std::unexpected(lock.error());
        lock_ = std::move(*lock);
    }
    if (exists(path()) || overrides == control::Overrides{})
        return lost_directory;
    if (auto written = write(overrides); !written)
        return std::unexpected(written.error());
    return true;
}

}  // namespace guideway::agent
