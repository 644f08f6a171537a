// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/context.hpp"
#include "config/document.hpp"

namespace guideway::config {

/// A node and the way to it from the root; what is found wrong with it is reported here. A place must not
/// outlive the one it was reached from.
class Place {
  public:
    Place(const Node& root, Context& context) : node_(root), context_(context), position_(root.position) {}

    [[nodiscard]] Place item(const Node& node, std::size_t index) const;
    [[nodiscard]] Place value(const Entry& entry) const;
    /// The value of a mapping's key; nothing if this is no mapping or has no such key.
    [[nodiscard]] std::optional<Place> find(std::string_view key) const;
    /// The key of an entry itself.
    [[nodiscard]] Place key(const Entry& entry) const;
    /// A key that this mapping does not have.
    [[nodiscard]] Place missing(std::string_view key) const;

    [[nodiscard]] const Node& node() const { return node_; }
    [[nodiscard]] Context& context() const { return context_; }
    [[nodiscard]] Position position() const { return position_; }
    [[nodiscard]] std::string path() const;

    /// The node as this kind of value; if it is another, says so and returns nothing.
    [[nodiscard]] const Scalar* scalar(std::string_view expected) const;
    [[nodiscard]] const Sequence* sequence(std::string_view expected) const;
    [[nodiscard]] const Mapping* mapping(std::string_view expected) const;

    template <typename... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        report(context_.findings.errors, [&] { return fmt::format(format, std::forward<Args>(args)...); });
    }
    template <typename... Args>
    void warning(fmt::format_string<Args...> format, Args&&... args) const {
        report(context_.findings.warnings, [&] { return fmt::format(format, std::forward<Args>(args)...); });
    }
    template <typename... Args>
    void unbuilt(fmt::format_string<Args...> format, Args&&... args) const {
        report(context_.findings.unbuilt, [&] { return fmt::format(format, std::forward<Args>(args)...); });
    }
    /// Whether another error would only be counted, so that it is not worth explaining.
    [[nodiscard]] bool has_enough_errors() const { return context_.findings.errors.is_full(); }

  private:
    Place(const Node& node, Position position, const Place& parent, std::string_view key, std::size_t index)
        : node_(node),
          context_(parent.context_),
          position_(position),
          parent_(&parent),
          key_(key),
          index_(index) {}

    void append_path(std::string& path) const;
    template <typename Message>
    void report(FindingList& list, const Message& message) const {
        list.add([&] {
            return Diagnostic{context_.findings.file, position_.line, position_.column, path(), message()};
        });
    }
    void wrong_kind(std::string_view expected) const;

    const Node& node_;
    Context& context_;
    Position position_;
    const Place* parent_ = nullptr;
    std::string_view key_;  ///< empty: an item of a sequence
    std::size_t index_ = 0;
};

}  // namespace guideway::config
