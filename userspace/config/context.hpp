// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "util/result.hpp"

namespace guideway::config {

/// Reads the file that a key names.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

/// Whether that file may hold a secret.
using CheckFile = std::function<Result<void>(const std::string& path)>;

/// What was found, unordered.
struct Findings {
    std::string file;
    std::vector<Diagnostic> errors;
    std::vector<Diagnostic> warnings;
    std::vector<Diagnostic> unbuilt;  ///< valid, but it asks for a feature that does not exist yet
};

/// What reading a configuration shares.
struct Context {
    const ReadFile& read_file;
    const CheckFile& check_secret;
    Findings findings;
};

}  // namespace guideway::config
