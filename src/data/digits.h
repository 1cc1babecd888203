// Synthetic digits: strokes of 0 to 9, bent, turned, thickened, smudged. A data set that needs no file.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace qrun {

inline constexpr std::int64_t kDigitSize = 28;

/// The digit of item `index`.
[[nodiscard]] std::int32_t digit_label(std::uint64_t seed, Split split, std::int64_t index);

/// Items [0, items) as bytes [items, 28, 28], light on dark. An item depends on seed, split and index alone.
[[nodiscard]] std::vector<std::uint8_t> draw_digits(std::int64_t items, std::uint64_t seed, Split split);

}  // namespace qrun
