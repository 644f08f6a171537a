// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "model/slot_model.hpp"

namespace guideway::test {

/// What a story tells something that behaves as the model does, or should. Any may be empty.
struct SlotListener {
    std::function<void(int now)> sweep;
    std::function<void(int backend)> move, die, come_back;
    std::function<void(int flow, bool starts, int backend)> packet;  ///< and where the model sends it
};

/// A random life of one slot and of the flows in it: moves, deaths by hand (of an owner) and by health (of
/// one that has ceased to serve), returns, tuples that are used again. Flows that are open send at least once
/// an idle timeout. Returns those that the model sent elsewhere although their backend lived, as sentences;
/// that it was dead while they were silent counts only where there was no room for records.
std::vector<std::string> tell_slot_story(std::uint32_t seed, SlotModel& model, const SlotListener& listener);

}  // namespace guideway::test
