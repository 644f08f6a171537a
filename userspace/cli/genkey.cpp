// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>
#include <sys/random.h>

#include <array>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"

namespace guideway::cli {

namespace {
int run() {
    std::array<std::uint8_t, 16> key{};
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
        return refuse({fmt::format("make a key: {}", errno_text())});
    fmt::print("{:02x}\n", fmt::join(key, ""));
    return kDone;
}
}  // namespace

void add_genkey(CLI::App& app, int& status) {
    auto* command = app.add_subcommand("genkey", "Print a new hash key; every balancer needs the same");
    command->callback([&status] { status = run(); });
}

}  // namespace guideway::cli
