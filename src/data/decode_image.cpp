#include "data/decode_image.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"
#include "data/image_formats.h"

namespace qrun {
namespace {

constexpr std::int64_t kMostValues = std::int64_t{1} << 28;

struct Format {
  std::string_view name, first_bytes;
  std::size_t place = 0;  // of these bytes
};
constexpr std::array kFormats = {Format{"JPEG", "\xff\xd8\xff"},
                                 Format{"PNG", "\x89PNG\r\n\x1a\n"},
                                 Format{"GIF", "GIF8"},
                                 Format{"WebP", "WEBP", 8},
                                 Format{"BMP", "BM"},
                                 Format{"TIFF", "II*"},
                                 Format{"HEIF", "ftyp", 4}};

DecodedImage planes_of(ImageRows rows) {
  const Shape& shape = rows.shape;
  if (shape.c == 1) return {shape, std::move(rows.bytes)};
  DecodedImage image{shape, std::vector<std::uint8_t>(rows.bytes.size())};
  const auto pixels = static_cast<std::size_t>(shape.h * shape.w);
  const auto channels = static_cast<std::size_t>(shape.c);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < pixels; ++i) image.pixels[c * pixels + i] = rows.bytes[i * channels + c];
  }
  return image;
}

}  // namespace

ImageRows claimed_rows(const Shape& shape, bool fits, std::span<const std::byte> file) {
  const std::string size = std::to_string(shape.w) + " x " + std::to_string(shape.h) + " pixels";
  if (!fits) throw Error("it claims " + size + ", which its " + std::to_string(file.size()) + " bytes cannot hold");
  if (shape.size() > kMostValues) throw Error("an image of " + size + "; at most 2^28 values are read");
  return {shape, std::vector<std::uint8_t>(static_cast<std::size_t>(shape.size()))};
}

std::string image_format(std::span<const std::byte> file) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  const auto is_of = [bytes](const Format& format) {
    return bytes.size() >= format.place && bytes.substr(format.place).starts_with(format.first_bytes);
  };
  const auto* const format = std::ranges::find_if(kFormats, is_of);
  return format == kFormats.end() ? "" : std::string(format->name);
}

DecodedImage decode_image(std::span<const std::byte> file) {
  const std::string format = image_format(file);
  if (format == "JPEG") return planes_of(decode_jpeg(file));
  if (format == "PNG") return planes_of(decode_png(file));
  if (file.empty()) throw Error("no bytes where a JPEG or PNG should be");
  throw Error((format.empty() ? "neither JPEG nor PNG" : "a " + format + " file") + "; convert it to PNG");
}

}  // namespace qrun
