// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "config/manual.hpp"

namespace guideway::cli {

void add_reference(CLI::App& app, int&) {
    auto* command = app.add_subcommand("reference", "Every key of the configuration, with its default");
    auto man = std::make_shared<bool>(false);
    command->add_flag("--man", *man, "as the source of the manual page guideway.yaml(5)");
    command->callback([man] { fmt::print("{}", *man ? config::manual() : config::reference()); });
}

}  // namespace guideway::cli
