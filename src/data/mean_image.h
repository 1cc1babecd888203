// A mean image: what is subtracted from each image, pixel by pixel. Caffe's BlobProto files hold one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"
#include "data/dataset.h"

namespace qrun {

/// Sums images in float64, in the order in which they come; the mean is rounded once.
class MeanSum {
 public:
  explicit MeanSum(Shape shape) : shape_(shape), sums_(static_cast<std::size_t>(shape.size())) {}

  /// Adds the image that `pixels` begins with: bytes or floats.
  template <class T>
  void add(std::span<const T> pixels) {
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(pixels[i]);
    ++images_;
  }
  /// Returns the mean of the images, which are one at least.
  [[nodiscard]] MeanImage mean() const;

 private:
  Shape shape_;
  std::vector<double> sums_;
  std::int64_t images_ = 0;
};

/// Returns the mean of all items, in key order. Throws Error where one can't be read.
[[nodiscard]] MeanImage mean_image_of(const Dataset& set);

/// Throws Error naming the file and what is wrong; a leading `~` is the home folder.
[[nodiscard]] MeanImage read_mean_image(const std::string& path);

/// Writes a mean image as Caffe's compute_image_mean does. Throws EnvironmentError.
void write_mean_image(const std::string& path, const MeanImage& image);

/// XXH3-128 of the shape and the values.
[[nodiscard]] std::string hash_of(const MeanImage& image);

}  // namespace qrun
