// JPEG and PNG files, written by the libraries that others write them with.
#pragma once

// clang-format off
#include <cstdio>  // jpeglib.h takes it for granted
#include <jpeglib.h>
// clang-format on
#include <png.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/shape.h"

namespace qrun {

struct JpegOptions {
  int quality = 100;
  /// Called before the first row, for what else the library can do.
  std::function<void(jpeg_compress_struct&)> also = [](jpeg_compress_struct&) {};
};

/// `rows`: [h, w, c], of grey, red-green-blue or, with 4 channels, CMYK.
[[nodiscard]] std::string jpeg_file(const Shape& shape, const std::vector<std::uint8_t>& rows,
                                    const JpegOptions& options = {});

struct PngOptions {
  int colour_type = PNG_COLOR_TYPE_RGB;
  int bits = 8;
  bool interlaced = false;
  std::vector<png_color> palette = {};
};

/// `rows`: as the file holds them, with all channels and bits.
[[nodiscard]] std::string png_file(std::int64_t h, std::int64_t w, const std::vector<std::uint8_t>& rows,
                                   const PngOptions& options = {});

}  // namespace qrun
