// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "config/model.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

namespace guideway::backend {

/// What a backend's helper changed on its host, kept in a file of its runtime directory: a successor takes
/// away only what a helper brought, and puts settings back as they were.
class UndoList {
  public:
    /// An unreadable line is passed over; a missing file is an empty list.
    [[nodiscard]] static UndoList read(const std::string& directory);

    std::set<IpAddress> vips;                     ///< added to lo
    std::set<config::Prefix> routes;              ///< local ones
    std::map<std::string, std::string> settings;  ///< file below /proc/sys, and what it held before

    /// To be called before the change that it is about.
    [[nodiscard]] Result<void> write() const;
    [[nodiscard]] Result<void> remove() const;

  private:
    explicit UndoList(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

}  // namespace guideway::backend
