// SPDX-License-Identifier: Apache-2.0
#include "agent/attaching.hpp"

#include <spdlog/spdlog.h>

#include "agent/link_addresses.hpp"

namespace guideway::agent {

Result<void> Attaching::watch_links(boost::asio::io_context& loop) {
    auto links = net::LinkWatch::create(loop, [this] { repair(); });
    if (!links)
        return std::unexpected(links.error());
    links_ = std::move(*links);
    return {};
}

/// Whose frames this host takes, as the kernel has its MAC addresses now.
Result<void> Attaching::learn_link_addresses(const config::Config& config) {
    const auto indexes = datapath_.indexes_of(config.interfaces);
    const auto addresses = link_addresses_of({indexes.begin(), indexes.end()});
    return addresses ? datapath_.set_link_addresses(*addresses) : std::unexpected(addresses.error());
}

Result<void> Attaching::attach(const config::Config& config) {
    if (auto learnt = learn_link_addresses(config); !learnt)
        return learnt;
    const auto attached = datapath_.attach(config.interfaces, config.datapath.mode);
    if (!attached)
        return std::unexpected(attached.error());
    for (const auto& each : *attached) {
        if (!each.fallback.empty())
            spdlog::warn("{}: its driver refuses native XDP ({}); attached in generic mode, which is slower",
                         each.interface, each.fallback);
        spdlog::info("{}: {} ({} XDP)", each.interface,
                     each.replaced ? "took over from an earlier agent" : "forwarding",
                     each.native ? "native" : "generic");
    }
    for (const auto& interface : datapath_.interfaces()) {
        if (!interface.attached)
            spdlog::warn("{}; it is used as soon as it is there", interface.trouble);
    }
    return {};
}

void Attaching::repair() {
    address_trouble_.tell(learn_link_addresses(running_.config));
    const auto before = datapath_.interfaces();
    for (const auto& repair : datapath_.repair())
        spdlog::log(repair.done ? spdlog::level::warn : spdlog::level::err, "{}", repair.text);
    if (datapath_.interfaces() == before)
        return;
    snapshots_.outdated();
    next_hops_.refresh();
}

}  // namespace guideway::agent
