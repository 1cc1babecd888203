// A data set in memory.
#pragma once

#include <utility>
#include <vector>

#include "data/dataset.h"

namespace qrun {

/// Everything in memory, as bytes or as floats.
class MemoryDataset : public Dataset {
 public:
  MemoryDataset(Shape shape, std::vector<std::uint8_t> bytes, std::vector<float> floats,
                std::vector<std::int32_t> labels, Contents contents)
      : shape_(shape),
        bytes_(std::move(bytes)),
        floats_(std::move(floats)),
        labels_(std::move(labels)),
        contents_(std::move(contents)) {}

  [[nodiscard]] Shape shape() const override { return shape_; }
  [[nodiscard]] std::int64_t items() const override { return static_cast<std::int64_t>(labels_.size()); }
  [[nodiscard]] Item item(std::int64_t index) const override {
    const auto size = static_cast<std::size_t>(shape_.size());
    const std::size_t first = static_cast<std::size_t>(index) * size;
    Item item;
    if (bytes_.empty()) {
      item.floats = {floats_.data() + first, size};
    } else {
      item.bytes = {bytes_.data() + first, size};
    }
    item.label = labels_[static_cast<std::size_t>(index)];
    return item;
  }
  [[nodiscard]] DataSource memory() const override {
    return {.bytes = bytes_.empty() ? nullptr : bytes_.data(),
            .floats = floats_.empty() ? nullptr : floats_.data(),
            .labels = labels_.data(),
            .items = items()};
  }
  [[nodiscard]] const Contents& contents() const override { return contents_; }

 private:
  Shape shape_;
  std::vector<std::uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<std::int32_t> labels_;
  Contents contents_;
};

}  // namespace qrun
