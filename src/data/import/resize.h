// Images made smaller or larger, and grey.
#pragma once

#include <cstdint>

#include "data/decode_image.h"

namespace qrun {

/// Resizes bilinearly with antialiasing: a triangle around each new pixel's centre, as wide as what the pixel covers,
/// at least two old pixels; first rows, then columns, rounded to the nearest once at the end.
[[nodiscard]] DecodedImage resized(const DecodedImage& image, std::int64_t height, std::int64_t width);

/// Returns one channel: 0.299 red + 0.587 green + 0.114 blue, in 16 bits behind the point; an image of one channel
/// stays as it is.
[[nodiscard]] DecodedImage grey(const DecodedImage& image);

/// Three channels of a grey image; one of three stays as it is.
[[nodiscard]] DecodedImage coloured(DecodedImage image);

}  // namespace qrun
