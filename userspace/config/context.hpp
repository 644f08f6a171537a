// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostic.hpp"
#include "util/result.hpp"

namespace guideway::config {

/// Reads the file that a key names.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

/// Findings of one kind. Of very many the first ones are kept and the others counted: a file with half a
/// million errors is not worth the memory.
class FindingList {
  public:
    static constexpr std::size_t kKept = 100;

    [[nodiscard]] bool is_full() const { return kept_.size() >= kKept; }
    /// `make` makes the finding, if it is to be kept.
    template <typename Make>
    void add(const Make& make) {
        if (is_full())
            ++more_;
        else
            kept_.push_back(make());
    }

    [[nodiscard]] std::vector<Diagnostic> take() { return std::move(kept_); }
    [[nodiscard]] std::size_t more() const { return more_; }

  private:
    std::vector<Diagnostic> kept_;
    std::size_t more_ = 0;
};

/// Whether that file may hold a secret.
using CheckFile = std::function<Result<void>(const std::string& path)>;

/// What was found, unordered.
struct Findings {
    std::string file;
    FindingList errors;
    FindingList warnings;
    FindingList unbuilt;  ///< valid, but it asks for a feature that does not exist yet
};

/// What reading a configuration shares.
struct Context {
    const ReadFile& read_file;
    const CheckFile& check_secret;
    Findings findings;
};

}  // namespace guideway::config
