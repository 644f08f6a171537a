// SPDX-License-Identifier: Apache-2.0
#include "agent/undo_list.hpp"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace guideway::agent {

namespace {
constexpr const char* kVip = "vip";
constexpr const char* kSetting = "setting";
}  // namespace

UndoList UndoList::read(const std::string& directory) {
    UndoList list(directory + "/undo");
    std::ifstream file(list.path_);
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
    const std::string fresh = path_ + ".new";
    std::ofstream file(fresh, std::ios::trunc);
    for (const auto& vip : vips)
        file << kVip << ' ' << vip.text() << '\n';
    for (const auto& [path, value] : settings)
        file << kSetting << ' ' << path << ' ' << value << '\n';
    file.close();
    if (!file || std::rename(fresh.c_str(), path_.c_str()) != 0)
        return fail("write {}: {}", path_, errno_text());
    return {};
}

Result<void> UndoList::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
        return fail("remove {}: {}", path_, errno_text());
    return {};
}

}  // namespace guideway::agent
