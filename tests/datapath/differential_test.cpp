// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "balancer.hpp"
#include "model/balancer_model.hpp"
#include "random_frames.hpp"

using namespace guideway;
using namespace guideway::test;

namespace {
constexpr std::uint64_t kFramesAConfiguration = 5000;
constexpr std::uint64_t kEnoughForEveryVerdict = 50'000;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::stoull(text);
}

/// The program and its model, with the same configuration, the same slots moving and the same backends dead.
class Pair {
  public:
    explicit Pair(RandomFrames& random)
        : config_(configure(random.services(), random.datapath())),
          replayer_(balancer(config_)),
          model_(config_) {
        for (const auto& service : config_.services) {
            if (!service.backends.empty())
                unsettle(random, service);
        }
    }

    /// What differs, in words; empty if nothing does.
    [[nodiscard]] std::string difference(const Frame& frame) {
        auto wanted = model_.run(frame);
        met.insert(wanted.verdict);
        const auto outcome = run(*replayer_, frame);
        const auto name = [](const std::optional<IpAddress>& backend) {
            return backend ? backend->text() : "-";
        };
        if (outcome.verdict != wanted.verdict)
            return fmt::format("verdict {}, the model has {}", datapath::verdict_name(outcome.verdict),
                               datapath::verdict_name(wanted.verdict));
        if (outcome.service != wanted.service || outcome.slot != wanted.slot ||
            outcome.backend != wanted.backend)
            return fmt::format("{} {} {} {}, the model has {} {} {}", datapath::verdict_name(outcome.verdict),
                               outcome.service.value_or("-"), outcome.slot.value_or(9999),
                               name(outcome.backend), wanted.service.value_or("-"),
                               wanted.slot.value_or(9999), name(wanted.backend));
        if (outcome.verdict == abi::VERDICT_FORWARDED)
            adopt_outer_id(wanted.frame, outcome.frame);
        if (datapath::verdict_action(outcome.verdict) != "drop" && outcome.frame != wanted.frame)
            return fmt::format("{}: sent\n{}\nthe model sends\n{}", datapath::verdict_name(outcome.verdict),
                               hex(outcome.frame), hex(wanted.frame));
        return "";
    }

    /// The verdicts that there were.
    static inline std::set<abi::verdict> met;

  private:
    /// An outer packet that may be fragmented has an ID of its own, which nobody foresees.
    static void adopt_outer_id(Frame& wanted, const Frame& sent) {
        constexpr std::size_t kIp = 14, kId = kIp + 4, kFragment = kIp + 6, kChecksum = kIp + 10;
        if (wanted.size() != sent.size() || wanted.at(kIp) != 0x45 || (wanted.at(kFragment) & 0x40) != 0)
            return;
        unsigned sum = 0;
        std::copy_n(sent.begin() + kId, 2, wanted.begin() + kId);
        std::fill_n(wanted.begin() + kChecksum, 2, std::uint8_t{0});
        for (std::size_t at = kIp; at < kIp + 20; at += 2)
            sum += wanted[at] << 8U | wanted[at + 1];
        while (sum > 0xffff)
            sum = (sum & 0xffff) + (sum >> 16);
        wanted[kChecksum] = static_cast<std::uint8_t>(~sum >> 8);
        wanted[kChecksum + 1] = static_cast<std::uint8_t>(~sum);
    }

    void unsettle(RandomFrames& random, const config::Service& service) {
        const auto& numbers = replayer_->reconciler().numbering().services.at(service.name);
        const auto& maps = replayer_->maps();
        const auto any = [&] {
            return service.backends[random.below(static_cast<std::uint32_t>(service.backends.size()))]
                .address;
        };
        for (std::uint32_t slot = 0; slot < maps.table(numbers.number).size(); ++slot) {
            if (random.chance(50))
                continue;
            const auto owner = any();
            const auto previous = random.chance(60) ? std::optional(any()) : std::nullopt;
            maps.table(numbers.number)[slot] =
                static_cast<std::uint16_t>(abi::SLOT_MOVING | numbers.find(owner)->number);
            maps.previous(numbers.number)[slot] =
                previous ? numbers.find(*previous)->number : std::uint16_t{0};
            model_.move(service.name, slot, owner, previous);
        }
        if (random.chance(40)) {
            const auto dead = any();
            maps.backend(numbers.index_of(dead)).flags &= static_cast<std::uint16_t>(~abi::BACKEND_ALIVE);
            model_.kill(service.name, dead);
        }
    }

    config::Config config_;
    std::unique_ptr<control::Replayer> replayer_;
    BalancerModel model_;
};
}  // namespace

/// GUIDEWAY_FRAMES and GUIDEWAY_SEED set another number of frames, and repeat a run.
TEST_CASE("program and model decide alike about generated and damaged frames", "[differential]") {
    const auto frames = setting("GUIDEWAY_FRAMES", 50'000);
    const auto seed = setting("GUIDEWAY_SEED", std::random_device{}());
    fmt::print("{} frames from seed {}\n", frames, seed);
    RandomFrames random(seed);
    std::optional<Pair> pair;
    for (std::uint64_t index = 0; index < frames; ++index) {
        if (index % kFramesAConfiguration == 0)
            pair.emplace(random);
        const auto frame = random.next();
        const auto difference = pair->difference(frame);
        if (!difference.empty())
            FAIL("seed " << seed << ", frame " << index << ": " << difference << "\nthe frame:\n"
                         << hex(frame));
    }
    if (frames < kEnoughForEveryVerdict)
        return;
    // What depends on more than the frame and the configuration does not occur here.
    const std::set elsewhere{abi::VERDICT_DELIVERED_LOCALLY, abi::VERDICT_REDIRECTED,
                             abi::VERDICT_NO_NEXT_HOP,       abi::VERDICT_NO_HEADROOM,
                             abi::VERDICT_TOO_LONG,          abi::VERDICT_ICMP_ERROR_LIMITED};
    // Answers are limited by time: on a slow machine few of these may come in any window of it.
    const std::set sometimes{abi::VERDICT_TOO_BIG_UNANSWERED, abi::VERDICT_ECHO_UNANSWERED};
    for (const auto& verdict : datapath::verdict_names()) {
        INFO(verdict.name);
        if (!sometimes.contains(verdict.verdict))
            CHECK(Pair::met.contains(verdict.verdict) != elsewhere.contains(verdict.verdict));
    }
}
