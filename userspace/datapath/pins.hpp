// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace guideway::datapath {

/// A directory on a BPF file system, where maps and links outlive the agent.
class Pins {
  public:
    /// The directory as it is; errors tell whether it is missing or no BPF file system.
    [[nodiscard]] static Result<Pins> open(const std::string& directory);
    /// Makes the directory where it is missing.
    [[nodiscard]] static Result<Pins> create(const std::string& directory);

    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string path(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const;
    /// Nothing in it.
    [[nodiscard]] bool empty() const;

    /// Opens the pinned map or link.
    [[nodiscard]] Result<UniqueFd> get(std::string_view name) const;
    /// Pins an object under a name; what stood there is replaced atomically.
    [[nodiscard]] Result<void> put(std::string_view name, int fd) const;
    [[nodiscard]] Result<void> remove(std::string_view name) const;
    /// Finishes or undoes what a process was doing with put() when it died. For the holder of the directory's
    /// lock.
    [[nodiscard]] Result<void> recover() const;
    /// Removes every pin and the directory.
    [[nodiscard]] Result<void> remove_all() const;

    /// The interfaces that have a pinned link.
    [[nodiscard]] std::vector<std::string> linked_interfaces() const;

  private:
    explicit Pins(std::string directory) : directory_(std::move(directory)) {}
    [[nodiscard]] std::vector<std::string> names() const;

    std::string directory_;
};

/// The name of an interface's link: `link-eth0`; a BPF file system refuses dots: `link-eth0%2e100`.
[[nodiscard]] std::string link_pin_name(std::string_view interface);

}  // namespace guideway::datapath
