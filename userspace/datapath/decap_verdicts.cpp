// SPDX-License-Identifier: Apache-2.0
#include "datapath/decap_verdicts.hpp"

namespace guideway::datapath {

const std::vector<DecapVerdict>& decap_verdicts() {
    static const std::vector<DecapVerdict> verdicts{
        {abi::DECAP_UNWRAPPED, "unwrapped", "from a balancer for a VIP: its outer header was taken off",
         "yes"},
        {abi::DECAP_NOT_TUNNELLED, "not_tunnelled", "not in a tunnel: passed to the host as it is",
         "yes: the host's own traffic"},
        {abi::DECAP_UNKNOWN_BALANCER, "unknown_balancer", "in a tunnel, but not from a balancer: passed",
         "no: a balancer is missing in `balancers`, or somebody else sends into the tunnel"},
        {abi::DECAP_UNKNOWN_VIP, "unknown_vip", "from a balancer, for no VIP of this host: passed",
         "no: a VIP is missing in `vips`, or a balancer has this backend in another service"},
        {abi::DECAP_OUTER_FRAGMENT, "outer_fragment", "from a balancer, in fragments: passed",
         "no: the way from the balancer is too narrow; raise its MTU"},
        {abi::DECAP_MALFORMED, "malformed",
         "from a balancer, with lengths that contradict each other: passed",
         "no: something on the way damages packets"},
        {abi::DECAP_CONGESTED, "congested",
         "marked as congested on the way, of a flow that knows no marks: dropped (RFC 6040)",
         "a few, where switches mark instead of dropping"},
    };
    return verdicts;
}

}  // namespace guideway::datapath
