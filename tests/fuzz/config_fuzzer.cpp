// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: no crash, every finding has a place, and what has no errors keeps the limits.
// Seeds: tests/fixtures/config.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "config/parser.hpp"

namespace {

using namespace guideway;

void require(bool condition) {
    if (!condition)
        std::abort();
}

Result<std::string> read_no_file(const std::string& path) {
    return fail("read {}: No such file or directory", path);
}

void check_findings(const std::vector<config::Diagnostic>& findings) {
    for (const config::Diagnostic& finding : findings) {
        require(finding.line >= 1 && finding.column >= 1);
        require(!finding.message.empty());
        require(finding.text().find('\n') == std::string::npos);
    }
}

void check_service(const config::Service& service) {
    require(!service.name.empty() && !service.listeners.empty());
    require(service.panic_threshold_percent <= 100);
    for (const config::Listener& listener : service.listeners)
        require(!listener.vip.is_unspecified() && !listener.vip.is_multicast());
    std::set<IpAddress> addresses;
    for (const config::Backend& backend : service.backends) {
        require(!backend.name.empty() && !backend.address.is_unspecified() && !backend.address.is_loopback());
        require(addresses.insert(backend.address).second);
    }
}

void check_config(const config::Config& config) {
    require(!config.interfaces.empty());
    require(config.datapath.table_size >= 251 && config.datapath.table_size <= 1048573);
    require(config.services.size() <= config.datapath.max_services);
    for (const config::Service& service : config.services)
        check_service(service);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const config::Parsed parsed = config::parse(text, "fuzz.yaml", read_no_file);
    check_findings(parsed.errors);
    check_findings(parsed.warnings);
    check_findings(parsed.unbuilt);
    if (parsed.errors.empty())
        check_config(parsed.config);
    return 0;
}
