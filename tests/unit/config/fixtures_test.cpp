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

}  // namespace

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
