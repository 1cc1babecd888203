// Images as files hold them: JPEG by libjpeg-turbo, PNG by libpng.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"

namespace qrun {

struct DecodedImage {
  Shape shape;                       // c = 1: grey, or 3
  std::vector<std::uint8_t> pixels;  // [c, h, w], channels in the order red, green, blue
};

/// The image in the bytes of a file, JPEG or PNG by the first of them. A palette becomes colours, 16 bits become their
/// upper 8, transparency is dropped; gamma and orientation, which a file may ask a viewer for, change nothing.
/// Throws Error that says what is wrong, without a name of the file: another format, CMYK, a file that is cut or damaged
/// or claims more pixels than its bytes can hold, or more than 2^28 values.
[[nodiscard]] DecodedImage decode_image(std::span<const std::byte> file);

/// The format of a file by its first bytes, "JPEG", "PNG", or one that is not decoded; empty where none is known.
[[nodiscard]] std::string image_format(std::span<const std::byte> file);

}  // namespace qrun
