// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/diagnostic.hpp"

/// A YAML file as a tree that keeps what the checks need: positions, quoting, and repeated keys. It comes
/// from yaml-cpp's events, since YAML::Node loses repeated keys and costs several times the memory.
namespace guideway::config {

struct Node;
struct Entry;

struct Null {};

/// Something the document may not hold (an alias); it has been reported and has no value.
struct Refused {};

struct Scalar {
    std::string text;
    bool quoted = false;
};

using Sequence = std::vector<Node>;
using Mapping = std::vector<Entry>;  ///< in the file's order, repeated keys included

struct Node {
    Position position;
    std::variant<Null, Refused, Scalar, Sequence, Mapping> value;
};

struct Entry {
    Position position;
    std::string key;
    Node value;
};

/// The first entry with a key, or null.
[[nodiscard]] const Entry* find_entry(const Mapping& mapping, std::string_view key);

struct DocumentError {
    Position position;
    std::string message;
};

struct Document {
    Node root;
    std::vector<DocumentError> errors;
    bool complete = true;  ///< false: not YAML; the tree ends where the error is
};

/// How deep mappings and sequences may be nested.
inline constexpr std::size_t kMaxDepth = 32;

/// Never throws. Aliases, anchors, tags, keys that are not text, and a second document are errors.
[[nodiscard]] Document read_document(std::string_view text);

}  // namespace guideway::config
