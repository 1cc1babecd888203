// Two engines that must agree: every op of every iteration runs on both, from the same inputs, and what it writes is
// compared. Slow; for finding out which op of an engine is wrong, on a configuration of one's own.
#pragma once

#include <memory>

#include "engine/engine.h"

namespace qrun {

/// An engine that trains on `reference` and has `tested` do every step as well. Its programs throw Error at the first
/// difference beyond rounding: sums of K products within 2 (K + 1) 2^-24 of the sum of magnitudes (Higham 2002, section
/// 3.1), quantized values within four units in the last place of their scale, everything else equal.
[[nodiscard]] std::unique_ptr<Engine> make_check_engine(std::unique_ptr<Engine> reference,
                                                        std::unique_ptr<Engine> tested);

}  // namespace qrun
