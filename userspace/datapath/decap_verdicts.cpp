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
        {abi::DECAP_OWN, "own",
         "named former owners of its slot, and belongs to a socket of this host, or nobody else is left",
         "yes, with tracking: second_chance while slots move"},
        {abi::DECAP_HANDED_ON, "handed_on",
         "named former owners of its slot, and is no socket's of this host: sent to the next of them",
         "yes, with tracking: second_chance while slots move"},
        {abi::DECAP_UNRESOLVED, "handed_on_unresolved",
         "to be handed on to a backend whose next hop is not known: dropped",
         "no: the backend does not answer ARP or neighbour discovery"},
        {abi::DECAP_HOP_LIMIT, "hop_limit", "to be handed on, but its outer hop limit is used up: dropped",
         "no: somebody sends made-up packets, or the way between backends is very long"},
        {abi::DECAP_BAD_CHANCE, "bad_chance",
         "from a balancer, with a list of former owners that contradicts its length or family: passed",
         "no: another program wraps packets, or something on the way damages them"},
    };
    return verdicts;
}

}  // namespace guideway::datapath
