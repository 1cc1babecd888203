// What is made of several values, one after another, and its derivatives.
//   sum       y = c[0] x[0] + c[1] x[1] + ...    dx[i] = c[i] dy
//   product   y = x[0] x[1] ...                  dx[i] = dy times all other x, in their order
//   max       y = the largest                    dx[i] = dy where x[i] is the largest, else 0
// Of equal largest values Caffe's takes the gradient: the later of the first two, and a further one only if it is
// greater than those before it.
#pragma once

#include <cstdint>

#include "core/hd.h"

namespace qrun {

enum class Eltwise : std::uint8_t { kSum, kProduct, kMax };

/// Returns what the first input alone makes. `coefficient` is of sums.
QRUN_HD float eltwise_first(Eltwise type, float coefficient, float x) {
  return type == Eltwise::kSum ? coefficient * x : x;
}

/// Returns y with one input more. NaN passes: the loss must see it.
QRUN_HD float eltwise_next(Eltwise type, float y, float coefficient, float x) {
  if (type == Eltwise::kSum) return y + coefficient * x;
  if (type == Eltwise::kProduct) return y * x;
  return x > y || x != x ? x : y;
}

/// True where an input of this number comes before another one that is as large.
QRUN_HD bool wins_ties(int input, int other) {
  const int rank = input < 2 ? 1 - input : input;
  const int other_rank = other < 2 ? 1 - other : other;
  return rank < other_rank;
}

/// Returns what another input leaves of the gradient of x, for a product or a maximum.
QRUN_HD float eltwise_gradient(Eltwise type, float gradient, float x, float other, bool x_wins_ties) {
  if (type == Eltwise::kProduct) return gradient * other;
  return x > other || (x_wins_ties && x == other) ? gradient : 0.0f;
}

}  // namespace qrun
