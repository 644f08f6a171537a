// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "util/file.hpp"

namespace guideway::cli {

namespace {
/// What a shell has opened for others to read becomes the owner's alone before a secret is written there.
Result<void> keep_stdout_secret() {
    struct stat status{};
    if (::fstat(STDOUT_FILENO, &status) != 0 || !S_ISREG(status.st_mode))
        return {};
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0 || ::fchmod(STDOUT_FILENO, S_IRUSR | S_IWUSR) == 0)
        return {};
    return fail("make a key: keep others from reading the file on stdout: {}", errno_text());
}

int run(const std::string& path) {
    std::array<std::uint8_t, 16> key{};
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
        return refuse({fmt::format("make a key: {}", errno_text())});
    const auto text = fmt::format("{:02x}\n", fmt::join(key, ""));
    if (!path.empty()) {
        const auto made = make_secret_file(path, text);
        return made ? kDone : refuse(made.error());
    }
    if (const auto kept = keep_stdout_secret(); !kept)
        return refuse(kept.error());
    fmt::print("{}", text);
    return kDone;
}
}  // namespace

void add_genkey(CLI::App& app, int& status) {
    auto* command = app.add_subcommand("genkey", "Print a new hash key; every balancer needs the same");
    const auto path = std::make_shared<std::string>();
    command->add_option("-o", *path, "a file that is made for it, which its owner alone can read")
        ->type_name("FILE");
    command->callback([&status, path] { status = run(*path); });
}

}  // namespace guideway::cli
