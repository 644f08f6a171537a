// SPDX-License-Identifier: Apache-2.0
#include "config/backend_host.hpp"
#include "config/schema.hpp"
#include "config/values.hpp"

/// The keys of a backend's file.
namespace guideway::config {

namespace {

using enum Presence;

/// A list of at least one. An item that cannot be read leaves its place, so that what follows is still found
/// where it stands.
template <typename Item, typename Read>
Value<BackendHost> some(std::vector<Item> BackendHost::* member, std::string item_type, std::string one,
                        Read read) {
    const std::string type = fmt::format("list of {}", item_type);
    const auto assign = [=](const Place& place, BackendHost& host) {
        const Sequence* sequence = place.sequence(type);
        if (sequence == nullptr)
            return;
        if (sequence->empty())
            place.error("at least one {} is needed", one);
        for (std::size_t i = 0; i < sequence->size(); ++i) {
            const Place item = place.item((*sequence)[i], i);
            const Scalar* text = item.scalar(item_type);
            auto value = text != nullptr ? read(*text) : Result<Item>(Item{});
            if (!value)
                item.error("{}", value.error().message);
            (host.*member).push_back(value ? std::move(*value) : Item{});
        }
    };
    return {type, assign};
}

}  // namespace

template <>
const Keys<BackendHost>& keys_of() {
    static const Keys<BackendHost> keys{
        {"interfaces", some(&BackendHost::interfaces, "interface names", "interface", read_interface),
         kRequired, "[eth0]",
         "the network interfaces that the balancers' packets arrive on; [auto]: the one that the default "
         "route leads through when the file is read"},
        {"vips", some(&BackendHost::vips, "addresses and prefixes", "VIP", read_vip), kRequired,
         "[192.0.2.10, \"2001:db8::10\"]",
         "what is served here; a prefix is a pool, all of whose addresses are served whether they exist or "
         "not"},
        {"balancers", some(&BackendHost::balancers, "addresses and prefixes", "balancer", read_balancer),
         kRequired, "[10.0.0.11, 10.0.0.12]",
         "who may send packets in a tunnel: the balancers' outer sources, or the prefix that these vary in"},
        {"backends", list(&BackendHost::backends, "addresses", read_backend_address), kOptional,
         "[10.0.1.11, 10.0.1.12]",
         "the services' backends, this one may be among them: with tracking: second_chance they hand packets "
         "on to each other, and to nobody else; without it: none is handed on"},
        {"addresses", boolean(&BackendHost::addresses), kDefault, "true",
         "whether this host is made to take packets for the VIPs: single ones become addresses of lo, "
         "prefixes "
         "local routes; false: both are somebody else's work, such as a container network's"},
        {"runtime_dir", scalar(&BackendHost::runtime_dir, "absolute path", read_absolute_path), kDefault,
         kDefaultBackendRuntimeDir, "directory of the control socket, and of what has to be undone"},
        {"pins", scalar(&BackendHost::pins, "absolute path", read_absolute_path), kDefault,
         kDefaultBackendPins, "directory in a BPF file system where kernel state outlives the process"},
        {"http", scalar(&BackendHost::http, "ADDRESS:PORT", read_endpoint), kOptional, "127.0.0.1:9661",
         "where /metrics, /healthz, /readyz and /status.json are served; without it: nowhere"},
    };
    return keys;
}

}  // namespace guideway::config
