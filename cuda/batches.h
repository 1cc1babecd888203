// Batches on their way to the device: a few wait in pinned memory while the device works on the ones before.
#pragma once

#include <array>
#include <vector>

#include "cuda/memory.h"
#include "engine/feed.h"

namespace qrun::cuda {

class Batches {
 public:
  /// Makes places for batches of up to `memory`'s largest, of all its runs; none where the plan has no images, as in
  /// tests of steps.
  Batches(const PackMemory& memory, BufferId images);

  /// Waits until the place for the next batch is free; then put() may fill it and send() may send it.
  void next();
  void put(int run, const Batch& batch);
  /// Sends every run's n images and labels to the device, in the stream's order.
  void send(std::int64_t n, const Stream& stream);

 private:
  static constexpr std::size_t kPlaces = 4;

  struct Place {
    PinnedArray<float> images;         // [run][n][c][h][w]
    PinnedArray<std::int32_t> labels;  // [run][n]
    Event sent;
    bool under_way = false;
  };

  const PackMemory& memory_;
  BufferId images_;
  std::array<Place, kPlaces> places_;
  std::size_t current_ = kPlaces - 1;
};

}  // namespace qrun::cuda
