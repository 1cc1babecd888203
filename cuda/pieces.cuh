// Sums of which several blocks made a piece each.
#pragma once

#include "cuda/launch.cuh"

namespace qrun::cuda {

/// Adds up `count` sums of `pieces` parts each, in order, by all threads of a block. place(i): where sum i lies in a
/// piece, negative where there is none; pieces lie `apart` values from each other. Calls store(i, sum). Each thread takes
/// four sums at once, so that many loads are under way.
template <class Place, class Store>
__device__ void add_pieces(const float* from, int pieces, std::int64_t apart, int count, const Place& place,
                           const Store& store) {
  constexpr int kAtOnce = 4;
  for (int first = static_cast<int>(threadIdx.x); first < count; first += kAtOnce * static_cast<int>(kThreads)) {
    float sums[kAtOnce] = {};
    int places[kAtOnce];
    for (int j = 0; j < kAtOnce; ++j) {
      const int i = first + j * static_cast<int>(kThreads);
      places[j] = i < count ? place(i) : -1;
    }
#pragma unroll 4
    for (int p = 0; p < pieces; ++p) {
      for (int j = 0; j < kAtOnce; ++j)  // past the first cache: others wrote them
        sums[j] += __ldcg(from + p * apart + (places[j] < 0 ? 0 : places[j]));
    }
    for (int j = 0; j < kAtOnce; ++j) {
      if (places[j] >= 0) store(first + j * static_cast<int>(kThreads), sums[j]);
    }
  }
}

}  // namespace qrun::cuda
