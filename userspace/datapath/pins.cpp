// SPDX-License-Identifier: Apache-2.0
#include "datapath/pins.hpp"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdio>
#include <filesystem>

namespace guideway::datapath {

namespace {
constexpr std::string_view kLinkPrefix = "link-";
constexpr std::string_view kNewPrefix = "new-";
constexpr std::string_view kEscapedDot = "%2e";

bool on_bpf_file_system(const std::string& path) {
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == BPF_FS_MAGIC;
}

std::unexpected<Error> not_bpf_file_system(const std::string& directory) {
    return fail(
        "pin into {}: no BPF file system is mounted there; mount one (mount -t bpf bpf /sys/fs/bpf) or set "
        "'pins'",
        directory);
}
}  // namespace

std::string link_pin_name(std::string_view interface) {
    std::string name(kLinkPrefix);
    for (const char c : interface) {
        if (c == '.')
            name += kEscapedDot;
        else
            name += c;
    }
    return name;
}

Result<Pins> Pins::open(const std::string& directory) {
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0)
        return fail("open pins {}: {}", directory, errno_text());
    if (!on_bpf_file_system(directory))
        return not_bpf_file_system(directory);
    return Pins(directory);
}

Result<Pins> Pins::create(const std::string& directory) {
    const std::string parent = std::filesystem::path(directory).parent_path();
    if (::access(directory.c_str(), F_OK) != 0 && !on_bpf_file_system(parent))
        return not_bpf_file_system(directory);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return fail("make pins {}: {}", directory, errno_text());
    return open(directory);
}

std::string Pins::path(std::string_view name) const {
    return fmt::format("{}/{}", directory_, name);
}

bool Pins::has(std::string_view name) const {
    return ::access(path(name).c_str(), F_OK) == 0;
}

bool Pins::empty() const {
    return names().empty();
}

Result<UniqueFd> Pins::get(std::string_view name) const {
    UniqueFd fd(bpf_obj_get(path(name).c_str()));
    if (!fd)
        return fail("open pin {}: {}", path(name), errno_text());
    return fd;
}

Result<void> Pins::put(std::string_view name, int fd) const {
    const std::string fresh = path(fmt::format("{}{}", kNewPrefix, name));
    ::unlink(fresh.c_str());
    if (bpf_obj_pin(fd, fresh.c_str()) != 0)
        return fail("pin {}: {}", fresh, errno_text());
    if (std::rename(fresh.c_str(), path(name).c_str()) != 0)
        return fail("pin {}: {}", path(name), errno_text());
    return {};
}

Result<void> Pins::remove(std::string_view name) const {
    if (::unlink(path(name).c_str()) != 0 && errno != ENOENT)
        return fail("remove pin {}: {}", path(name), errno_text());
    return {};
}

Result<void> Pins::recover() const {
    for (const std::string& name : names()) {
        if (!name.starts_with(kNewPrefix))
            continue;
        // A link that was made is worth keeping: it is attached. A map is one of a set that is not whole.
        const std::string wanted = name.substr(kNewPrefix.size());
        const bool keep = wanted.starts_with(kLinkPrefix) && !has(wanted);
        if (keep && std::rename(path(name).c_str(), path(wanted).c_str()) != 0)
            return fail("pin {}: {}", path(wanted), errno_text());
        if (auto removed = keep ? Result<void>{} : remove(name); !removed)
            return removed;
    }
    return {};
}

Result<void> Pins::remove_all() const {
    for (const std::string& name : names()) {
        if (auto removed = remove(name); !removed)
            return removed;
    }
    if (::rmdir(directory_.c_str()) != 0)
        return fail("remove {}: {}", directory_, errno_text());
    return {};
}

std::vector<std::string> Pins::linked_interfaces() const {
    std::vector<std::string> interfaces;
    for (std::string name : names()) {
        if (!name.starts_with(kLinkPrefix))
            continue;
        name.erase(0, kLinkPrefix.size());
        for (auto at = name.find(kEscapedDot); at != std::string::npos; at = name.find(kEscapedDot))
            name.replace(at, kEscapedDot.size(), ".");
        interfaces.push_back(name);
    }
    return interfaces;
}

std::vector<std::string> Pins::names() const {
    std::vector<std::string> result;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored))
        result.push_back(entry.path().filename());
    return result;
}

}  // namespace guideway::datapath
