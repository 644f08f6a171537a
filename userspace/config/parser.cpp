// SPDX-License-Identifier: Apache-2.0
#include "config/parser.hpp"

#include <algorithm>
#include <tuple>

#include "config/backend_validator.hpp"
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

template <typename Model>
ParsedFile<Model> parse_with(std::string_view text, const std::string& file_name, const ReadFile& read,
                             const CheckFile& check_secret) {
    Context context{read, check_secret, {file_name, {}, {}, {}}};
    Model config;
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
    ParsedFile<Model> parsed;
    parsed.errors = in_file_order(findings.errors.take());
    parsed.warnings = in_file_order(findings.warnings.take());
    parsed.unbuilt = in_file_order(findings.unbuilt.take());
    parsed.more_errors = findings.errors.more();
    parsed.more_warnings = findings.warnings.more();
    parsed.config = std::move(config);
    return parsed;
}

template <typename Model, typename Other>
std::size_t keys_alone_of(const Mapping& mapping) {
    const auto is_key = [](const auto& keys, const Entry& entry) {
        return std::ranges::any_of(keys, [&](const auto& key) { return key.text.name == entry.key; });
    };
    return static_cast<std::size_t>(std::ranges::count_if(mapping, [&](const Entry& entry) {
        return is_key(keys_of<Model>(), entry) && !is_key(keys_of<Other>(), entry);
    }));
}

}  // namespace

Parsed parse(std::string_view text, const std::string& file_name, const ReadFile& read) {
    return parse_with<Config>(text, file_name, read, [](const std::string&) { return Result<void>{}; });
}

Parsed parse(std::string_view text, const std::string& file_name) {
    return parse_with<Config>(text, file_name, read_file, check_secret_file);
}

ParsedBackendHost parse_backend_host(std::string_view text, const std::string& file_name) {
    return parse_with<BackendHost>(text, file_name, read_file, check_secret_file);
}

Result<Parsed> load(const std::string& path, const ReadFile& read) {
    const auto text = read(path);
    if (!text)
        return std::unexpected(text.error());
    return parse(*text, path);
}

Result<ParsedBackendHost> load_backend_host(const std::string& path, const ReadFile& read) {
    const auto text = read(path);
    if (!text)
        return std::unexpected(text.error());
    return parse_backend_host(*text, path);
}

std::optional<Side> side_of(std::string_view text) {
    const Document document = read_document(text);
    const auto* mapping = std::get_if<Mapping>(&document.root.value);
    if (mapping == nullptr)
        return std::nullopt;
    const auto balancers = keys_alone_of<Config, BackendHost>(*mapping);
    const auto backends = keys_alone_of<BackendHost, Config>(*mapping);
    if (backends == balancers)
        return std::nullopt;
    return backends > balancers ? Side::kBackend : Side::kBalancer;
}

}  // namespace guideway::config
