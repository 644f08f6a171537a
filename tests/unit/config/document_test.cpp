// SPDX-License-Identifier: Apache-2.0
#include "config/document.hpp"

#include <catch2/catch.hpp>

namespace guideway::config {

namespace {

const Mapping& root_mapping(const Document& document) {
    return std::get<Mapping>(document.root.value);
}

}  // namespace

TEST_CASE("a document keeps repeated keys in the file's order, with their positions") {
    const Document document = read_document("a: 1\nb:\n  c: x\n  c: y\na: 2\n");
    REQUIRE(document.errors.empty());
    const Mapping& root = root_mapping(document);
    REQUIRE(root.size() == 3);
    CHECK(root[0].key == "a");
    CHECK(root[2].key == "a");
    CHECK(root[2].position == Position{5, 1});
    CHECK(root[2].value.position == Position{5, 4});
    CHECK(find_entry(root, "a") == &root[0]);
    const auto& inner = std::get<Mapping>(root[1].value.value);
    REQUIRE(inner.size() == 2);
    CHECK(inner[1].position == Position{4, 3});
    CHECK(std::get<Scalar>(inner[1].value.value).text == "y");
}

TEST_CASE("a document tells plain text from quoted text") {
    const Document document = read_document("[80, \"80\", '80', ~, \"~\"]");
    const auto& items = std::get<Sequence>(document.root.value);
    REQUIRE(items.size() == 5);
    CHECK_FALSE(std::get<Scalar>(items[0].value).quoted);
    CHECK(std::get<Scalar>(items[1].value).quoted);
    CHECK(std::get<Scalar>(items[2].value).quoted);
    CHECK(std::holds_alternative<Null>(items[3].value));
    CHECK(std::get<Scalar>(items[4].value).text == "~");
}

TEST_CASE("a value that is not there stands where its key does") {
    const Document document = read_document("a:\n\n\nb: 1\n");
    const Mapping& root = root_mapping(document);
    CHECK(std::holds_alternative<Null>(root[0].value.value));
    CHECK(root[0].value.position == Position{1, 1});
}

TEST_CASE("columns count bytes, also after characters of several bytes") {
    const Document document = read_document("{\xc3\xa9: 1, b: 2}");
    const Mapping& root = root_mapping(document);
    CHECK(root[1].position == Position{1, 9});
}

TEST_CASE("the deepest nesting that is allowed is read, one level more is an error") {
    const std::string deepest = std::string(kMaxDepth, '[') + std::string(kMaxDepth, ']');
    CHECK(read_document(deepest).complete);
    const Document deeper = read_document("[" + deepest + "]");
    CHECK_FALSE(deeper.complete);
    REQUIRE(deeper.errors.size() == 1);
    CHECK(deeper.errors[0].message == "nested deeper than 32 levels");
    CHECK(deeper.errors[0].position == Position{1, kMaxDepth + 1});
}

TEST_CASE("an alias leaves the rest of the document readable") {
    const Document document = read_document("a: &x 1\nb: *x\nc: 3\n");
    CHECK(document.complete);
    CHECK(document.errors.size() == 2);
    const Mapping& root = root_mapping(document);
    REQUIRE(root.size() == 3);
    CHECK(std::holds_alternative<Refused>(root[1].value.value));
    CHECK(std::get<Scalar>(root[2].value.value).text == "3");
}

TEST_CASE("the byte with which yaml-cpp marks the end of a file does not end it") {
    const Document document = read_document(std::string_view("a: 1\nb: x\x04\nc: 3\n"));
    CHECK_FALSE(document.complete);
    REQUIRE(document.errors.size() == 1);
    CHECK(document.errors[0].position == Position{2, 5});
}

}  // namespace guideway::config
