// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "support.hpp"

namespace guideway::config {

TEST_CASE("a word that asks for a missing feature is reported, and is no error") {
    const Parsed parsed = parse_text(
        "interfaces: [eth0, eth1]\nhash_key: 000102030405060708090a0b0c0d0e0f\n"
        "datapath: {attach: shared}\nservices: []\n");
    CHECK(texts(parsed.errors).empty());
    CHECK(texts(parsed.unbuilt) ==
          std::vector<std::string>{"a.yaml:3:20: datapath.attach: shared is not built yet (exclusive is)"});
}

}  // namespace guideway::config
