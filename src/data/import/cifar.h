// CIFAR-10's and CIFAR-100's batches: records of labels and 3072 bytes, red, green and blue planes of 32 x 32.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/import/labelled_images.h"

namespace qrun {

inline constexpr Shape kCifarShape{3, 32, 32};

struct CifarLabels {
  std::int32_t classes = 10;
  std::size_t bytes =
      1;  // in front of a binary record's pixels; the last one counts: CIFAR-100 has its coarse one first
};

/// Appends the records of a binary batch. Throws Error naming `path` and what is wrong: size, a label.
void append_cifar_binary(std::span<const std::uint8_t> batch, const CifarLabels& labels, const std::string& path,
                         LabelledImages& set);

/// Appends the records of a Python batch: a pickled dictionary with `data`, bytes [n][3072], and `labels` or
/// `fine_labels`. Nothing of it is run. Throws Error naming `path` and what is wrong.
void append_cifar_python(std::span<const std::uint8_t> batch, const CifarLabels& labels, const std::string& path,
                         LabelledImages& set);

}  // namespace qrun
