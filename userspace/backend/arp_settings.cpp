// SPDX-License-Identifier: Apache-2.0
#include "backend/arp_settings.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "util/file.hpp"

namespace guideway::backend {

namespace {
struct ArpSetting {
    const char* name;
    char value;
};
constexpr ArpSetting kArpSettings[] = {{"arp_ignore", '1'}, {"arp_announce", '2'}};

std::string path_of(const std::string& device, const char* setting) {
    return fmt::format("/proc/sys/net/ipv4/conf/{}/{}", device, setting);
}

bool is_set(const std::string& device, const ArpSetting& setting) {
    const auto present = read_file(path_of(device, setting.name));
    return present && present->front() >= setting.value;
}

/// In a container /proc/sys is read-only.
bool is_read_only(const std::string& path) {
    return ::access(path.c_str(), W_OK) != 0 && errno == EROFS;
}
}  // namespace

Result<void> silence_arp(const std::string& device, UndoList& undo) {
    for (const auto& setting : kArpSettings) {
        const std::string path = path_of(device, setting.name);
        const auto present = read_file(path);
        if (present && present->front() >= setting.value)
            continue;
        if (is_read_only(path))
            continue;  // somebody else's to set; troubles_of_host() tells if nobody has
        if (present)
            undo.settings.emplace(path, present->substr(0, present->find('\n')));
        auto done = undo.write();
        if (done)
            done = write_file(path, {&setting.value, 1});
        if (!done)
            return done;
        spdlog::info("{}: {} is now {}, so that this host does not answer ARP for the VIPs", device,
                     setting.name, setting.value);
    }
    return {};
}

Result<void> restore_arp_of_all_but(const std::vector<std::string>& devices, UndoList& undo) {
    const auto stays = [&](const std::string& path) {
        return std::ranges::any_of(devices, [&](const std::string& device) {
            return std::ranges::any_of(kArpSettings, [&](const ArpSetting& setting) {
                return path == path_of(device, setting.name);
            });
        });
    };
    bool changed = false;
    for (auto setting = undo.settings.begin(); setting != undo.settings.end();) {
        const auto& [path, value] = *setting;
        if (stays(path) || ::access(path.c_str(), F_OK) != 0) {
            ++setting;
            continue;
        }
        if (auto done = write_file(path, value); !done)
            return done;
        setting = undo.settings.erase(setting);
        changed = true;
    }
    return changed ? undo.write() : Result<void>{};
}

bool is_arp_silent(const std::string& device) {
    return std::ranges::all_of(kArpSettings, [&](const ArpSetting& setting) {
        return is_set(device, setting) || is_set("all", setting);
    });
}

}  // namespace guideway::backend
