// SPDX-License-Identifier: Apache-2.0
#include <guideway/chance.h>
#include <guideway/service.h>

#include "config/schema.hpp"
#include "config/values.hpp"

namespace guideway::config {

namespace {

using enum Presence;

void read_interfaces(const Place& place, Config& config) {
    list(&Config::interfaces, "interface names", read_interface).read(place, config);
    const auto* sequence = std::get_if<Sequence>(&place.node().value);
    if (sequence != nullptr && sequence->empty())
        place.error("at least one interface is needed");
}

Value<Config> hash_key() {
    const auto read = [](const Scalar& scalar) { return read_hash_key(scalar.text); };
    return scalar(&Config::hash_key, "32 hex digits", read);
}

void read_hash_key_file(const Place& place, Config& config) {
    scalar(&Config::hash_key_file, "path", read_absolute_path).read(place, config);
    if (config.hash_key_file.empty())
        return;
    const auto text = place.context().read_file(config.hash_key_file);
    if (!text) {
        place.error("{}", text.error().message);
        return;
    }
    const auto key = read_hash_key(trimmed(*text));
    if (!key)
        return place.error("{}: {}", config.hash_key_file, key.error().message);
    if (const auto secret = place.context().check_secret(config.hash_key_file); !secret)
        place.error("{}", secret.error().message);
    config.hash_key = *key;
}

}  // namespace

template <>
const Keys<Config>& keys_of() {
    static const Keys<Config> keys{
        {"interfaces",
         {"list of interface names", read_interfaces},
         kRequired,
         "[eth0]",
         "the network interfaces that packets for the VIPs arrive on, and leave by; [auto]: the one that the "
         "default route leads through when the file is read"},
        {"hash_key", hash_key(), kAlternative, "\"000102030405060708090a0b0c0d0e0f\"",
         "secret key of the flow hash, the same on every instance; made with `guideway genkey`; or set "
         "hash_key_file"},
        {"hash_key_file",
         {"path", read_hash_key_file},
         kOptional,
         "/etc/guideway/hash.key",
         "file that holds the hash key, instead of hash_key; others must not be able to read it"},
        {"runtime_dir", scalar(&Config::runtime_dir, "absolute path", read_absolute_path), kDefault,
         "/run/guideway", "directory of the control socket"},
        {"control_group", scalar(&Config::control_group, "name or number of a group", read_group), kOptional,
         "guideway",
         "group whose members may use the control socket, and so give every order, besides its "
         "owner; without it: the owner alone"},
        {"state_dir", scalar(&Config::state_dir, "absolute path", read_absolute_path), kOptional,
         "/var/lib/guideway",
         "directory of what outlives a reboot of the host: what was said by hand, and events; without it: "
         "/var/lib/guideway, or with another runtime_dir than the default that one"},
        {"pins", scalar(&Config::pins, "absolute path", read_absolute_path), kDefault, "/sys/fs/bpf/guideway",
         "directory in a BPF file system where kernel state outlives the agent"},
        {"http", scalar(&Config::http, "ADDRESS:PORT", read_endpoint), kOptional, "127.0.0.1:9660",
         "where the status page, /metrics, /healthz, /readyz, /status.json and /events are served; without "
         "it: "
         "nowhere"},
        {"peers", list(&Config::peers, "ADDRESS:PORT", read_endpoint), kOptional,
         "[10.0.0.12:9660, 10.0.0.13:9660]",
         "the other balancers' `http`: with tracking: second_chance they tell each other who owned which "
         "slots; this one may be among them"},
        {"metrics", section(&Config::metrics), kOptional, "", "what /metrics shows"},
        {"reload", section(&Config::reload), kOptional, "",
         "what a changed file may do without `guideway reload --force`"},
        {"datapath", section(&Config::datapath), kOptional, "", "the XDP program and its maps"},
        {"bgp", section(&Config::bgp), kOptional, "",
         "the routers that the VIPs are announced to; without it: nothing is announced"},
        {"services", sections(&Config::services), kRequired, "", "what is balanced; may be []"},
    };
    return keys;
}

template <>
const Keys<Metrics>& keys_of() {
    static const Keys<Metrics> keys{
        {"backends", boolean(&Metrics::backends), kDefault, "true",
         "whether every backend of every service has its own time series: about ten each"},
    };
    return keys;
}

template <>
const Keys<Reload>& keys_of() {
    static const Keys<Reload> keys{
        {"max_move", percent(&Reload::max_move_percent), kDefault, "100%",
         "a change that moves more of any service's slots, or removes a service, is refused, with what it "
         "would move"},
    };
    return keys;
}

template <>
const Keys<Datapath>& keys_of() {
    static const Keys<Datapath> keys{
        {"mode",
         choice<Datapath, Mode, Mode>(
             &Datapath::mode,
             {{"auto", Mode::kAuto}, {"native", Mode::kNative}, {"generic", Mode::kGeneric}}),
         kDefault, "auto",
         "how XDP attaches: in the driver, in the kernel's generic path, or the first that works"},
        {"attach",
         choice<Datapath, Attach, Attach>(&Datapath::attach, {{"exclusive", Attach::kExclusive},
                                                              {"shared", Attach::kShared, Stage::kUnbuilt}}),
         kDefault, "exclusive", "whether other XDP programs may run on the interface too"},
        {"table_size", table_size(&Datapath::table_size), kDefault, "65537",
         "slots in the table of a service that names no number itself; at least 100 for each of its "
         "backends"},
        {"max_services", integer(&Datapath::max_services, 1, SERVICES_MAX), kDefault, "128",
         "services there is room for, with tables of datapath.table_size slots; each costs 4 bytes a slot"},
        {"max_backends", integer(&Datapath::max_backends, 1, 1048576), kDefault, "16384",
         "backends there is room for, summed over the services"},
        {"max_flows", integer(&Datapath::max_flows, 1, 67108864), kDefault, "262144",
         "flow records there is room for while connections move"},
        {"max_hops", integer(&Datapath::max_hops, 1, CHANCE_HOPS_MAX), kDefault, "4",
         "former owners of a moving slot that a packet names, for services with tracking: second_chance that "
         "name no number themselves; each takes 4 bytes of the MTU, or 16 on the way to an IPv6 backend, "
         "which "
         "takes 7 of them at most"},
        {"source", scalar(&Datapath::source, "IPv4 address", read_v4_address), kOptional, "10.9.9.9",
         "outer source of wrapped packets; without it: the interface's own IPv4 address"},
        {"source6", scalar(&Datapath::source6, "IPv6 address", read_v6_address), kOptional, "\"2001:db8::9\"",
         "outer source of wrapped packets; without it: the interface's own IPv6 address"},
        {"source_prefix", scalar(&Datapath::source_prefix, "ADDRESS/LENGTH", read_prefix), kOptional,
         "10.9.0.0/16", "outer sources vary inside it, so that backends spread flows over their queues"},
        {"answer_closed", boolean(&Datapath::answer_closed), kDefault, "false",
         "whether UDP to a VIP's port on which nobody listens is answered by ICMP, so that traceroutes end"},
        {"probe_mark", scalar(&Datapath::probe_mark, "VALUE/MASK", read_probe_mark), kDefault,
         "0x67000000/0xff000000",
         "socket mark of health probes, in hexadecimal; the bits outside the mask tell backends apart"},
    };
    return keys;
}

}  // namespace guideway::config
