#pragma once

namespace qrun {

/// Multiply-adds of one thread from registers alone, in GFLOP/s: the roof under which every kernel stays.
[[nodiscard]] double peak_gflops();

}  // namespace qrun
