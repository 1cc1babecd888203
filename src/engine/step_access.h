// A program step by step, and all that its steps touch: for tests, and for the engine that compares two others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "plan/operands.h"

namespace qrun {

/// What steps touch is read and written as floats: tensors of the first n images in logical order [n, c, h, w], blobs
/// as they are shaped, histories one behind the other, labels as whole numbers. `n` means nothing to the rest.
class StepAccess {
 public:
  virtual ~StepAccess() = default;

  /// Computes a step of the plan on a batch of n images, as a training iteration does.
  virtual void run_step(int run, std::size_t step, std::int64_t n) = 0;

  /// What comes next is of this batch of the iteration, from 0; a restored state is at its first.
  virtual void begin_batch(int run, std::int64_t batch) = 0;

  [[nodiscard]] virtual std::vector<float> read(int run, const Operand& what, std::int64_t n) = 0;

  /// Writes all but fits and the loss, which ops alone make. Where a run has no quantizer, a parameter's master and its
  /// value are one: to write one is to write both.
  virtual void write(int run, const Operand& what, std::int64_t n, std::span<const float> values) = 0;
};

}  // namespace qrun
