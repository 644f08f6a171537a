// SPDX-License-Identifier: Apache-2.0
#include "datapath/privileges.hpp"

#include <fmt/ranges.h>
#include <linux/capability.h>

#include <cstdint>
#include <vector>

#include "util/file.hpp"

namespace guideway::datapath {

namespace {
Result<std::uint64_t> effective_capabilities() {
    const auto status = read_file("/proc/self/status");
    if (!status)
        return std::unexpected(status.error());
    constexpr std::string_view kField = "CapEff:";
    const auto at = status->find(kField);
    if (at == std::string::npos)
        return fail("read /proc/self/status: it names no capabilities");
    return std::stoull(status->substr(at + kField.size()), nullptr, 16);
}
}  // namespace

Result<void> check_privileges() {
    const auto capabilities = effective_capabilities();
    if (!capabilities)
        return std::unexpected(capabilities.error());
    const auto has = [&](unsigned capability) { return (*capabilities >> capability & 1) != 0; };

    std::vector<const char*> missing;
    if (!has(CAP_NET_ADMIN))
        missing.push_back("CAP_NET_ADMIN");
    if (!has(CAP_BPF) && !has(CAP_SYS_ADMIN))
        missing.push_back("CAP_BPF");
    if (!has(CAP_PERFMON) && !has(CAP_SYS_ADMIN))
        missing.push_back("CAP_PERFMON");
    if (missing.empty())
        return {};
    return fail("load the XDP program: missing privileges ({}); run as root", fmt::join(missing, ", "));
}

}  // namespace guideway::datapath
