// SPDX-License-Identifier: Apache-2.0
#include "agent/undo_list.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

#include "util/file.hpp"

namespace guideway::agent {

namespace {
constexpr const char* kVip = "vip";
constexpr const char* kSetting = "setting";
}  // namespace

UndoList UndoList::read(const std::string& directory) {
    UndoList list(directory + "/undo");
    std::istringstream file(read_file(list.path_).value_or(""));
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string kind, what, value;
        words >> kind >> what >> value;
        if (const auto vip = IpAddress::parse(what); kind == kVip && vip)
            list.vips.insert(*vip);
        if (kind == kSetting && !value.empty())
            list.settings[what] = value;
    }
    return list;
}

Result<void> UndoList::write() const {
    std::string text;
    for (const auto& vip : vips)
        text += fmt::format("{} {}\n", kVip, vip.text());
    for (const auto& [path, value] : settings)
        text += fmt::format("{} {} {}\n", kSetting, path, value);
    return replace_file(path_, text);
}

Result<void> UndoList::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
        return fail("remove {}: {}", path_, errno_text());
    return {};
}

}  // namespace guideway::agent
