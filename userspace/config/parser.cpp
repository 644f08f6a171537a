// SPDX-License-Identifier: Apache-2.0
#include "config/parser.hpp"

#include <algorithm>
#include <tuple>

#include "config/document.hpp"
#include "config/mapping.hpp"
#include "config/validator.hpp"

namespace guideway::config {

namespace {

std::vector<Diagnostic> in_file_order(std::vector<Diagnostic> findings) {
    std::stable_sort(findings.begin(), findings.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return findings;
}

Parsed parse_with(std::string_view text, const std::string& file_name, const ReadFile& read,
                  const CheckFile& check_secret) {
    Context context{read, check_secret, {file_name, {}, {}, {}}};
    Config config;
    const Document document = read_document(text);
    for (const DocumentError& error : document.errors)
        context.findings.errors.add([&] {
            return Diagnostic{file_name, error.position.line, error.position.column, "", error.message};
        });
    if (document.complete) {
        const Place root(document.root, context);
        read_mapping(root, config);
        if (std::holds_alternative<Mapping>(document.root.value))
            validate(root, config);
    }
    Findings& findings = context.findings;
    return {std::move(config),
            in_file_order(findings.errors.take()),
            in_file_order(findings.warnings.take()),
            in_file_order(findings.unbuilt.take()),
            findings.errors.more(),
            findings.warnings.more()};
}

}  // namespace

Parsed parse(std::string_view text, const std::string& file_name, const ReadFile& read) {
    return parse_with(text, file_name, read, [](const std::string&) { return Result<void>{}; });
}

Parsed parse(std::string_view text, const std::string& file_name) {
    return parse_with(text, file_name, read_file, check_secret_file);
}

Result<Parsed> load(const std::string& path, const ReadFile& read) {
    const auto text = read(path);
    if (!text)
        return std::unexpected(text.error());
    return parse(*text, path);
}

}  // namespace guideway::config
