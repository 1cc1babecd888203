#include "cuda/batches.h"

#include <algorithm>

namespace qrun::cuda {

Batches::Batches(const PackMemory& memory, BufferId images) : memory_(memory), images_(images) {
  if (images == kNone) return;
  const std::int64_t n = memory.largest_batch() * memory.runs();
  for (Place& place : places_) {
    place.images = PinnedArray<float>(n * memory.size(images));
    place.labels = PinnedArray<std::int32_t>(n);
    std::fill_n(place.images.data(), place.images.size(), 0.0F);  // runs that have diverged send these
    std::fill_n(place.labels.data(), n, 0);
  }
}

void Batches::next() {
  current_ = (current_ + 1) % kPlaces;
  Place& place = places_[current_];
  if (place.under_way) place.sent.wait();
  place.under_way = false;
}

void Batches::put(int run, const Batch& batch) {
  Place& place = places_[current_];
  const std::int64_t size = memory_.size(images_);
  std::copy_n(batch.images, batch.n * size, place.images.data() + run * batch.n * size);
  std::copy_n(batch.labels, batch.n, place.labels.data() + run * batch.n);
}

void Batches::send(std::int64_t n, const Stream& stream) {
  Place& place = places_[current_];
  const Tensor to = memory_.value(images_, 0);
  stream.upload_rows(to.data, to.stride, place.images.data(), n * memory_.size(images_), memory_.runs());
  stream.upload_rows(memory_.labels(0), memory_.largest_batch(), place.labels.data(), n, memory_.runs());
  place.sent.record(stream);
  place.under_way = true;
}

}  // namespace qrun::cuda
