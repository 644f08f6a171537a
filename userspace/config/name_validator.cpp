// SPDX-License-Identifier: Apache-2.0
#include "config/name_validator.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "config/scalar.hpp"
#include "config/walk.hpp"

namespace guideway::config {

namespace {
struct Use {
    IpAddress address;
    std::uint32_t line = 0;
};

class NameCheck {
  public:
    explicit NameCheck(const Config& config) {
        for (const auto& service : config.services) {
            for (const auto& backend : service.backends)
                addresses_.insert(backend.address);
        }
    }

    void check(const Place& item, const Service& service, const Backend& backend) {
        const auto name = item.find("name");
        const bool v4 = backend.address.is_v4();
        const auto line = (name ? *name : item).position().line;
        const auto [use, first] = uses_.try_emplace({backend.name, v4}, Use{backend.address, line});
        if (!name || backend.address.is_unspecified() || backend.name.empty())
            return;
        if (!first && use->second.address != backend.address && !is_twice_in(service, backend))
            name->error(
                "{} is {} at line {}: what is said of it by hand would be about both; give each a name of "
                "its own",
                backend.name, use->second.address.text(), use->second.line);
        const auto other = IpAddress::parse(backend.name);
        if (other && *other != backend.address && addresses_.contains(*other) &&
            !is_twice_in(service, backend))
            name->error("{} is another backend's address: what is said of it by hand would be about both",
                        backend.name);
    }

  private:
    /// That is an error of its own.
    static bool is_twice_in(const Service& service, const Backend& backend) {
        return std::ranges::count(service.backends, backend.name, &Backend::name) > 1;
    }

    std::set<IpAddress> addresses_;
    std::map<std::pair<std::string, bool>, Use> uses_;  ///< by name and family
};
}  // namespace

void validate_backend_names(const Place& root, const Config& config) {
    NameCheck names(config);
    walk(root, "services", config.services, [&](const Place& place, const Service& service) {
        walk(place, "backends", service.backends,
             [&](const Place& item, const Backend& backend) { names.check(item, service, backend); });
    });
}

void check_auto_alone(const Place& root, const std::vector<std::string>& interfaces) {
    if (interfaces.size() < 2)
        return;
    walk(root, "interfaces", interfaces, [](const Place& place, const std::string& interface) {
        if (interface == kAutoInterface)
            place.error(
                "auto stands alone: it is where the default route leads, which may be one of the others");
    });
}

}  // namespace guideway::config
