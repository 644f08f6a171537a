// SPDX-License-Identifier: Apache-2.0
#include "config/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace guideway::config {

namespace {

constexpr std::size_t kLongestWord = 40;

bool same_letter(char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before_last(to.size() + 1);
    std::vector<std::size_t> last(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(last.begin(), last.end(), 0);
    for (std::size_t i = 1; i <= from.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const bool same = same_letter(from[i - 1], to[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && same_letter(from[i - 1], to[j - 2]) && same_letter(from[i - 2], to[j - 1]))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last.swap(last);
        last.swap(row);
    }
    return last[to.size()];
}

}  // namespace

std::string did_you_mean(std::string_view written, const std::vector<std::string_view>& words) {
    if (written.size() > kLongestWord)
        return "";
    std::string_view nearest;
    std::size_t nearest_distance = std::max<std::size_t>(1, written.size() / 3) + 1;
    for (const std::string_view word : words) {
        const std::size_t distance = edit_distance(written, word);
        if (distance < nearest_distance) {
            nearest = word;
            nearest_distance = distance;
        }
    }
    return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

}  // namespace guideway::config
