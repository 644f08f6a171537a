// SPDX-License-Identifier: Apache-2.0
#include "datapath/verdict_names.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "util/file.hpp"

using namespace guideway;

TEST_CASE("every verdict stands in docs/verdicts.md as `guideway explain` has it") {
    const auto text = read_file(GUIDEWAY_SOURCE_DIR "/docs/verdicts.md").value();
    for (const auto& verdict : datapath::verdict_names()) {
        const auto row =
            fmt::format("| `{}` | {} | {} | {} |\n", verdict.name, datapath::verdict_action(verdict.verdict),
                        verdict.meaning, verdict.in_production);
        INFO(row);
        CHECK(text.find(row) != std::string::npos);
    }
}
