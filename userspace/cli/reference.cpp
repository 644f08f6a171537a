// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "config/manual.hpp"

namespace guideway::cli {

namespace {
struct Options {
    bool backend = false;
    bool man = false;
};

std::string text_for(const Options& options) {
    if (options.backend)
        return options.man ? config::backend_manual() : config::backend_reference();
    return options.man ? config::manual() : config::reference();
}
}  // namespace

void add_reference(CLI::App& app, int&) {
    auto* command = app.add_subcommand("reference", "Every key of the configuration, with its default");
    auto options = std::make_shared<Options>();
    command->add_flag("--backend", options->backend, "of a backend's file");
    command->add_flag("--man", options->man, "as the source of its manual page in section 5");
    command->callback([options] { fmt::print("{}", text_for(*options)); });
}

}  // namespace guideway::cli
