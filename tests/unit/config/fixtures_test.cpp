// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "support.hpp"

namespace guideway::config {

namespace {

std::vector<std::filesystem::path> yaml_files(std::string_view group) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(fixtures(group)))
        if (entry.path().extension() == ".yaml")
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<std::string> lines_of(const std::string& path) {
    std::istringstream stream(read_file(path).value());
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

Parsed parse_file(const std::filesystem::path& path) {
    return parse(read_file(path).value(), path.filename(), read_test_key);
}

/// What stands beside a file; nothing without one.
std::vector<std::string> lines_beside(std::filesystem::path file, const char* extension) {
    file.replace_extension(extension);
    return std::filesystem::exists(file) ? lines_of(file) : std::vector<std::string>{};
}

ParsedBackendHost parse_backend_file(const std::filesystem::path& path) {
    return parse_backend_host(read_file(path).value(), path.filename());
}

}  // namespace

TEST_CASE("every malformed backend file is refused with exactly the errors that stand beside it") {
    const auto files = yaml_files("bad-backend");
    CHECK(files.size() >= 30);
    for (const auto& file : files) {
        INFO(file);
        const auto expected = lines_beside(file, ".expected");
        CHECK_FALSE(expected.empty());
        CHECK(texts(parse_backend_file(file).errors) == expected);
    }
}

TEST_CASE("good backend files have no errors, and the warnings beside them") {
    const auto files = yaml_files("good-backend");
    CHECK_FALSE(files.empty());
    for (const auto& file : files) {
        INFO(file);
        const auto parsed = parse_backend_file(file);
        CHECK(texts(parsed.errors).empty());
        CHECK(texts(parsed.warnings) == lines_beside(file, ".warnings"));
    }
}

TEST_CASE("a backend file cut off anywhere is parsed without a crash") {
    const std::string text = read_file(fixtures("good-backend") + "/example.yaml").value();
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto cut = text.substr(0, size);
        CHECK(texts(parse_backend_host(cut, "a.yaml").errors) ==
              texts(parse_backend_host(cut, "a.yaml").errors));
    }
}

TEST_CASE("every malformed configuration is refused with exactly the errors that stand beside it") {
    const auto files = yaml_files("bad");
    CHECK(files.size() >= 65);
    for (const auto& file : files) {
        INFO(file);
        const auto expected = lines_of(std::filesystem::path(file).replace_extension(".expected"));
        CHECK_FALSE(expected.empty());
        CHECK(texts(parse_file(file).errors) == expected);
    }
}

TEST_CASE(
    "good configurations have no errors, need nothing that is not built yet, and the warnings beside them") {
    const auto files = yaml_files("good");
    CHECK_FALSE(files.empty());
    for (const auto& file : files) {
        INFO(file);
        const Parsed parsed = parse_file(file);
        CHECK(texts(parsed.errors).empty());
        const auto warnings = std::filesystem::path(file).replace_extension(".warnings");
        CHECK(texts(parsed.warnings) ==
              (std::filesystem::exists(warnings) ? lines_of(warnings) : std::vector<std::string>{}));
        CHECK(texts(parsed.unbuilt).empty());
    }
}

TEST_CASE("a configuration cut off anywhere is parsed without a crash, and to the same result twice") {
    const std::string text = read_file(fixtures("good") + "/example.yaml").value();
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto cut = std::string_view(text).substr(0, size);
        CHECK(texts(parse_text(cut).errors) == texts(parse_text(cut).errors));
    }
}

}  // namespace guideway::config
