// SPDX-License-Identifier: Apache-2.0
#include "backend/undo_list.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <sstream>

#include "config/scalar.hpp"
#include "util/file.hpp"

namespace guideway::backend {

namespace {
constexpr const char* kVip = "vip";
constexpr const char* kRoute = "route";
constexpr const char* kSetting = "setting";

/// Nothing where there is no list.
std::string text_of(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
        return {};
    auto text = read_file(path);
    if (text)
        return std::move(*text);
    spdlog::error("{}; the VIPs and settings that an earlier helper set are not taken back",
                  text.error().message);
    return {};
}
}  // namespace

UndoList UndoList::read(const std::string& directory) {
    UndoList list(directory + "/undo");
    std::istringstream file(text_of(list.path_));
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string kind, what, value;
        words >> kind >> what >> value;
        if (const auto vip = IpAddress::parse(what); kind == kVip && vip)
            list.vips.insert(*vip);
        if (const auto route = config::read_prefix({what, false}); kind == kRoute && route)
            list.routes.insert(*route);
        if (kind == kSetting && !value.empty())
            list.settings[what] = value;
    }
    return list;
}

Result<void> UndoList::write() const {
    std::string text;
    for (const auto& vip : vips)
        text += fmt::format("{} {}\n", kVip, vip.text());
    for (const auto& route : routes)
        text += fmt::format("{} {}/{}\n", kRoute, route.address.text(), route.length);
    for (const auto& [path, value] : settings)
        text += fmt::format("{} {} {}\n", kSetting, path, value);
    return replace_file(path_, text);
}

Result<void> UndoList::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
        return fail("remove {}: {}", path_, errno_text());
    return {};
}

}  // namespace guideway::backend
