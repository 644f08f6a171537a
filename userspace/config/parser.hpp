// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/backend_host.hpp"
#include "config/context.hpp"
#include "config/model.hpp"
#include "util/file.hpp"

namespace guideway::config {

/// What was found in a file, each list in the file's order.
struct Found {
    std::vector<Diagnostic> errors;    ///< all of them, up to FindingList::kKept
    std::vector<Diagnostic> warnings;  ///< valid, but probably not what is wanted; so many likewise
    std::vector<Diagnostic> unbuilt;   ///< valid, but it needs a feature that does not exist yet
    std::size_t more_errors = 0;       ///< beyond these
    std::size_t more_warnings = 0;
};

/// A configuration, not to be used if there are errors, and what was found in it.
template <typename Model>
struct ParsedFile : Found {
    Model config;
};
using Parsed = ParsedFile<Config>;
using ParsedBackendHost = ParsedFile<BackendHost>;

/// Reads a configuration; `file_name` stands in the messages. Never throws, whatever the text. The result
/// depends alone on the text and on what `read` returns of the files that it names.
[[nodiscard]] Parsed parse(std::string_view text, const std::string& file_name, const ReadFile& read);
/// The same with the files as they are; a hash_key_file that others can read is refused.
[[nodiscard]] Parsed parse(std::string_view text, const std::string& file_name);

/// Reads a backend's file.
[[nodiscard]] ParsedBackendHost parse_backend_host(std::string_view text, const std::string& file_name);

/// Reads a configuration file by `read`. Errors: the file cannot be read; what is wrong in it is in the
/// result.
[[nodiscard]] Result<Parsed> load(const std::string& path, const ReadFile& read = read_file);
[[nodiscard]] Result<ParsedBackendHost> load_backend_host(const std::string& path,
                                                          const ReadFile& read = read_file);

/// Which side's configuration a file is.
enum class Side : bool { kBalancer, kBackend };

/// Told by the keys that only the one has; none where neither has more of them.
[[nodiscard]] std::optional<Side> side_of(std::string_view text);

}  // namespace guideway::config
