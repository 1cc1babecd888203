// Idx files, the form of MNIST: big-endian headers, then bytes; plain or compressed by gzip.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qrun {

struct IdxImages {
  std::int64_t count = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [count, height, width]
};

/// Reads a file of images, read_idx_labels() one of labels. Both throw Error naming the file and what is wrong: magic,
/// counts, size.
[[nodiscard]] IdxImages read_idx_images(const std::string& path);
[[nodiscard]] std::vector<std::uint8_t> read_idx_labels(const std::string& path);

}  // namespace qrun
