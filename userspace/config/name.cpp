// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <charconv>

#include "config/scalar.hpp"

namespace guideway::config {

namespace {

constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxInterface = 15;
constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

bool is_name(std::string_view text, std::string_view more_characters) {
    return !text.empty() && text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [&](char c) {
        return kNameCharacters.find(c) != std::string_view::npos ||
               more_characters.find(c) != std::string_view::npos;
    });
}

bool is_blank_or_control(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
}

}  // namespace

Result<HashKey> read_hash_key(std::string_view text) {
    HashKey key;
    if (text.size() != 2 * key.size())
        return fail("expected 32 hex digits, found {} characters", text.size());
    for (std::size_t i = 0; i < key.size(); ++i) {
        const char* digits = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(digits, digits + 2, key[i], 16);
        if (error != std::errc{} || end != digits + 2)
            return fail("expected 32 hex digits, but character {} is none", end - text.data() + 1);
    }
    return key;
}

Result<std::string> read_interface(const Scalar& scalar) {
    const std::string& text = scalar.text;
    const bool valid = !text.empty() && text.size() <= kMaxInterface && text != "." && text != ".." &&
                       text.find_first_of("/:") == std::string::npos &&
                       std::none_of(text.begin(), text.end(), is_blank_or_control);
    if (!valid)
        return fail("'{}' is not an interface name", printable(text));
    return text;
}

Result<std::string> read_service_name(const Scalar& scalar) {
    if (!is_name(scalar.text, ""))
        return fail("'{}' is not 1..63 characters of A-Z a-z 0-9 . _ -", printable(scalar.text));
    return scalar.text;
}

Result<std::string> read_backend_name(const Scalar& scalar) {
    if (!is_name(scalar.text, ":"))
        return fail("'{}' is not 1..63 characters of A-Z a-z 0-9 . _ - :", printable(scalar.text));
    return scalar.text;
}

Result<std::string> read_group(const Scalar& scalar) {
    return read_service_name(scalar);  // what groups may be called is a part of that
}

Result<std::string> read_absolute_path(const Scalar& scalar) {
    const std::string& text = scalar.text;
    if (!text.starts_with('/') || std::any_of(text.begin(), text.end(), is_control))
        return fail("'{}' is not an absolute path", printable(text));
    return text;
}

Result<std::string> read_url_path(const Scalar& scalar) {
    const std::string& text = scalar.text;
    if (!text.starts_with('/') || std::any_of(text.begin(), text.end(), is_blank_or_control))
        return fail("'{}' is not a URL's path such as /healthz", printable(text));
    return text;
}

Result<std::string> read_password(std::string_view text) {
    // What the kernel takes (TCP_MD5SIG_MAXKEYLEN), in characters that mean themselves in every router's
    // file.
    constexpr std::size_t kLongest = 80;
    const auto plain = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; };
    if (text.empty() || text.size() > kLongest)
        return fail("expected a password of 1..{} characters, found {}", kLongest, text.size());
    if (const auto odd = std::ranges::find_if_not(text, plain); odd != text.end())
        return fail("character {} of the password is a blank, a quote, a backslash or not ASCII",
                    odd - text.begin() + 1);
    return std::string(text);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
    return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace guideway::config
