// SPDX-License-Identifier: Apache-2.0
#include "config/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <boost/locale/utf.hpp>
#include <optional>
#include <spanstream>
#include <utility>

namespace guideway::config {

namespace {

Position position_of(const YAML::Mark& mark) {
    if (mark.is_null())
        return {};
    return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

/// What this project does not allow, though it is YAML.
class Refusal : public YAML::ParserException {
    using YAML::ParserException::ParserException;
};

/// Builds the tree; nodes still open lie on a stack.
class TreeBuilder : public YAML::EventHandler {
  public:
    explicit TreeBuilder(Document& document) : document_(document) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (std::exchange(started_, true))
            throw Refusal(mark, "the configuration must be one YAML document; another starts here");
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        refuse_properties(mark, "", anchor);
        add({position_of(mark), Null{}});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        refuse(mark, "aliases are not supported");
        add({position_of(mark), Refused{}});
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_properties(mark, tag, anchor);
        add({position_of(mark), Scalar{value, tag == kQuotedTag}});
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        refuse_properties(mark, tag, anchor);
        open(mark, Sequence{});
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        refuse_properties(mark, tag, anchor);
        open(mark, Mapping{});
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

  private:
    struct Key {
        Position position;
        std::optional<std::string> text;  ///< nothing: reported, its value is dropped
    };
    struct Open {
        Node node;
        std::optional<Key> key;  ///< of a mapping: the key whose value comes next
    };

    // What yaml-cpp reports for nodes without an explicit tag.
    static constexpr const char* kPlainTag = "?";
    static constexpr const char* kQuotedTag = "!";

    void refuse(const YAML::Mark& mark, std::string message) {
        document_.errors.push_back({position_of(mark), std::move(message)});
    }

    void refuse_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != 0)
            refuse(mark, "anchors are not supported");
        if (!tag.empty() && tag != kPlainTag && tag != kQuotedTag)
            refuse(mark, "tags are not supported");
    }

    template <typename Collection>
    void open(const YAML::Mark& mark, Collection empty) {
        if (open_.size() == kMaxDepth)
            throw Refusal(mark, fmt::format("nested deeper than {} levels", kMaxDepth));
        open_.push_back({{position_of(mark), std::move(empty)}, std::nullopt});
    }

    void close() {
        Node node = std::move(open_.back().node);
        open_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        if (open_.empty()) {
            document_.root = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (auto* sequence = std::get_if<Sequence>(&parent.node.value))
            sequence->push_back(std::move(node));
        else if (parent.key)
            add_entry(parent, std::move(node));
        else
            parent.key = read_key(node);
    }

    Key read_key(Node& node) {
        if (auto* scalar = std::get_if<Scalar>(&node.value))
            return {node.position, std::move(scalar->text)};
        if (!std::holds_alternative<Refused>(node.value))
            document_.errors.push_back({node.position, "a key must be text"});
        return {node.position, std::nullopt};
    }

    static void add_entry(Open& parent, Node node) {
        const Key key = *std::exchange(parent.key, std::nullopt);
        if (!key.text)
            return;
        // yaml-cpp places a value that is not there where the next token is.
        if (std::holds_alternative<Null>(node.value))
            node.position = key.position;
        std::get<Mapping>(parent.node.value).push_back({key.position, *key.text, std::move(node)});
    }

    Document& document_;
    bool started_ = false;
    std::vector<Open> open_;
};

/// yaml-cpp takes some control characters for the end of the file and guesses at other encodings.
std::optional<DocumentError> find_bad_character(std::string_view text) {
    using Utf8 = boost::locale::utf::utf_traits<char>;
    Position position;
    const char* const end = text.data() + text.size();
    for (const char* next = text.data(); next != end;) {
        const char* const start = next;
        const auto code = Utf8::decode(next, end);
        if (code == boost::locale::utf::illegal || code == boost::locale::utf::incomplete)
            return DocumentError{
                position, fmt::format("byte {:#04x} is not UTF-8", static_cast<unsigned char>(*start))};
        if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') || code == 0x7f)
            return DocumentError{position, fmt::format("control character {:#04x}", code)};
        if (code == '\n')
            position = {position.line + 1, 1};
        else
            position.column += static_cast<std::uint32_t>(next - start);
    }
    return std::nullopt;
}

/// yaml-cpp takes a quote that is never closed for closed if a line break is the last thing in the file.
std::string_view without_trailing_blanks(std::string_view text) {
    return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

/// yaml-cpp has no word for the most common reason.
std::string_view tab_hint(std::string_view text, Position position) {
    std::size_t line_start = 0;
    for (std::uint32_t line = 1; line < position.line; ++line)
        line_start = text.find('\n', line_start) + 1;
    const std::string_view line = text.substr(line_start);
    const bool has_tab = line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
    return has_tab ? " (this line is indented with a tab; YAML wants spaces)" : "";
}

void give_up(Document& document, DocumentError error) {
    document.errors.push_back(std::move(error));
    document.complete = false;
}

}  // namespace

const Entry* find_entry(const Mapping& mapping, std::string_view key) {
    const auto found =
        std::find_if(mapping.begin(), mapping.end(), [&](const Entry& entry) { return entry.key == key; });
    return found == mapping.end() ? nullptr : &*found;
}

Document read_document(std::string_view text) {
    Document document;
    if (auto bad = find_bad_character(text)) {
        give_up(document, std::move(*bad));
        return document;
    }
    text = without_trailing_blanks(text);
    try {
        std::ispanstream stream(std::span<const char>(text.data(), text.size()));
        YAML::Parser parser(stream);
        TreeBuilder builder(document);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refusal& error) {
        give_up(document, {position_of(error.mark), error.msg});
    } catch (const YAML::Exception& error) {
        const Position position = position_of(error.mark);
        give_up(document,
                {position, fmt::format("not valid YAML: {}{}", error.msg, tab_hint(text, position))});
    }
    return document;
}

}  // namespace guideway::config
