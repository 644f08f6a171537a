// SPDX-License-Identifier: Apache-2.0
#include "api/fleet_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace guideway::api {

namespace {
using Json = nlohmann::ordered_json;

constexpr const char* kMissing = "missing";

/// What a member says of something.
using SaidBy = std::function<std::string(const FleetMember&)>;

std::vector<std::string> odd_among(const std::map<std::string, std::vector<std::string>>& members) {
    std::size_t count = 0;
    for (const auto& [said, names] : members)
        count += names.size();
    const auto most =
        std::ranges::find_if(members, [&](const auto& each) { return 2 * each.second.size() > count; });
    std::vector<std::string> odd;
    for (const auto& [said, names] : members) {
        if (most != members.end() && said != most->first)
            odd.insert(odd.end(), names.begin(), names.end());
    }
    return odd;
}

class Comparison {
  public:
    explicit Comparison(const std::vector<FleetMember>& members) {
        for (const auto& member : members) {
            if (member.status)
                members_.push_back(&member);
        }
    }

    /// Whether all say the same; a difference, if they do not.
    bool same(Difference difference, const SaidBy& said_by) {
        for (const auto* member : members_)
            difference.members[said_by(*member)].push_back(member->name);
        if (difference.members.size() <= 1)
            return true;
        difference.odd = odd_among(difference.members);
        found_.push_back(std::move(difference));
        return false;
    }

    void add(Difference difference) { found_.push_back(std::move(difference)); }
    [[nodiscard]] const std::vector<const FleetMember*>& members() const { return members_; }
    [[nodiscard]] std::vector<Difference> take() { return std::move(found_); }

  private:
    std::vector<const FleetMember*> members_;
    std::vector<Difference> found_;
};

/// The element of that name or address; nullptr if there is none.
const Json* find(const Json& list, const char* key, const std::string& value) {
    const auto found = std::ranges::find_if(list, [&](const Json& each) { return each.at(key) == value; });
    return found == list.end() ? nullptr : &*found;
}

const Json* service_of(const FleetMember& member, const std::string& name) {
    return find(member.status->at("services"), "name", name);
}

const Json* backend_of(const FleetMember& member, const std::string& service, const std::string& address) {
    const auto* found = service_of(member, service);
    return found == nullptr ? nullptr : find(found->at("backends"), "address", address);
}

/// `key` of all services, or of all backends of one.
std::set<std::string> names_of(const std::vector<const FleetMember*>& members, const std::string& service) {
    std::set<std::string> names;
    for (const auto* member : members) {
        const auto* of_service = service.empty() ? nullptr : service_of(*member, service);
        if (service.empty()) {
            for (const auto& each : member->status->at("services"))
                names.insert(each.at("name").get<std::string>());
        } else if (of_service != nullptr) {
            for (const auto& each : of_service->at("backends"))
                names.insert(each.at("address").get<std::string>());
        }
    }
    return names;
}

std::string weight_of(const Json& backend) {
    return fmt::format("weight {}", backend.at("weight").get<int>());
}

std::string health_of(const Json& backend) {
    const auto percent = 100 * backend.at("availability").get<double>();
    return fmt::format("{}, {:.0f}%{}", backend.at("state").get<std::string>(), percent,
                       backend.at("by_hand").get<bool>() ? ", by hand" : "");
}

/// Looks for the backends that make the difference; the service as a whole, if there are none.
void find_backends(Comparison& comparison, const std::string& service, const char* what, const char* digest,
                   std::string (*said_of)(const Json&)) {
    bool alike = true;
    for (const auto& address : names_of(comparison.members(), service)) {
        const auto said_by = [&](const FleetMember& member) {
            const auto* backend = backend_of(member, service, address);
            return backend == nullptr ? kMissing : said_of(*backend);
        };
        alike = comparison.same({what, service, address, {}, {}}, said_by) && alike;
    }
    if (alike)
        comparison.same({"table", service, {}, {}, {}}, [&](const FleetMember& member) {
            return service_of(member, service)->at(digest).get<std::string>();
        });
}

void compare_service(Comparison& comparison, const std::string& service) {
    const auto presence = [&](const FleetMember& member) {
        return service_of(member, service) == nullptr ? kMissing : "present";
    };
    if (!comparison.same({"service", service, {}, {}, {}}, presence))
        return;
    std::set<std::string> base_digests, digests;
    for (const auto* member : comparison.members()) {
        const auto* found = service_of(*member, service);
        base_digests.insert(found->at("base_digest").get<std::string>());
        digests.insert(found->at("digest").get<std::string>());
    }
    if (base_digests.size() > 1)
        find_backends(comparison, service, "configuration", "base_digest", weight_of);
    else if (digests.size() > 1)
        find_backends(comparison, service, "health", "digest", health_of);
}
}  // namespace

std::vector<Difference> compare(const std::vector<FleetMember>& members) {
    Comparison comparison(members);
    for (const auto& member : members) {
        if (!member.status)
            comparison.add(
                {"answer", {}, {}, {{member.status.error().message, {member.name}}}, {member.name}});
    }
    comparison.same({"fingerprint", {}, {}, {}, {}}, [](const FleetMember& member) {
        const auto& agent = member.status->at("agent");
        return agent.is_null() ? "no agent" : agent.at("fingerprint").get<std::string>();
    });
    for (const auto& service : names_of(comparison.members(), {}))
        compare_service(comparison, service);
    return comparison.take();
}

}  // namespace guideway::api
