// What decode_image() asks of each library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"

namespace qrun {

/// Rows as the libraries give them: [h, w, c].
struct ImageRows {
  Shape shape;
  std::vector<std::uint8_t> bytes;
};

[[nodiscard]] ImageRows decode_jpeg(std::span<const std::byte> file);
[[nodiscard]] ImageRows decode_png(std::span<const std::byte> file);

/// Rows of `shape`, which the file claims, of 0. Throws Error where `fits` is false: its bytes cannot hold so many
/// pixels; and where they are more than any item of a data set may have.
[[nodiscard]] ImageRows claimed_rows(const Shape& shape, bool fits, std::span<const std::byte> file);

}  // namespace qrun
