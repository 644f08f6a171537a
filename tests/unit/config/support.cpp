// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <algorithm>
#include <iterator>

namespace guideway::config {

std::string fixtures(std::string_view group) {
    return fmt::format("{}/tests/fixtures/config/{}", GUIDEWAY_SOURCE_DIR, group);
}

Result<std::string> read_test_key(const std::string& path) {
    if (path == "/keys/good")
        return "000102030405060708090a0b0c0d0e0f\n";
    if (path == "/keys/bad")
        return "0123\n";
    return fail("read {}: No such file or directory", path);
}

Parsed parse_text(std::string_view text) {
    return parse(text, "a.yaml", read_test_key);
}

Parsed parse_service(std::string_view lines) {
    return parse_text(
        fmt::format("interfaces: [eth0]\n"
                    "hash_key: 000102030405060708090a0b0c0d0e0f\n"
                    "services:\n"
                    "  - name: web\n"
                    "{}",
                    lines));
}

std::vector<std::string> texts(const std::vector<Diagnostic>& findings) {
    std::vector<std::string> result;
    std::transform(findings.begin(), findings.end(), std::back_inserter(result),
                   [](const Diagnostic& finding) { return finding.text(); });
    return result;
}

}  // namespace guideway::config
