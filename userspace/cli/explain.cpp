// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <ranges>
#include <vector>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "datapath/verdict_names.hpp"

namespace guideway::cli {

namespace {
void explain(const datapath::VerdictName& verdict) {
    fmt::print("{} ({})\n  {}\n  in production: {}\n", verdict.name,
               datapath::verdict_action(verdict.verdict), verdict.meaning, verdict.in_production);
}

int run(const std::string& name) {
    const auto verdicts = datapath::verdict_names();
    const auto found = std::ranges::find(verdicts, name, &datapath::VerdictName::name);
    if (name.empty())
        std::ranges::for_each(verdicts, explain);
    else if (found != verdicts.end())
        explain(*found);
    else
        return refuse(
            {fmt::format("explain '{}': no such verdict; there are {}", name,
                         fmt::join(verdicts | std::views::transform(&datapath::VerdictName::name), ", "))});
    return kDone;
}
}  // namespace

void add_explain(CLI::App& app, int& status) {
    auto name = std::make_shared<std::string>();
    auto* command = app.add_subcommand("explain", "What a verdict on packets means, and what to do about it");
    command->add_option("verdict", *name,
                        "Its name, as metrics, `stats` and `replay` print it; without: all of them");
    command->callback([name, &status] { status = run(*name); });
}

}  // namespace guideway::cli
