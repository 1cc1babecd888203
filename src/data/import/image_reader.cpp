#include "data/import/image_reader.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "core/machine.h"
#include "core/threads.h"
#include "data/decode_image.h"
#include "data/import/labelled_images.h"
#include "data/import/resize.h"

namespace qrun {
namespace {

constexpr std::int64_t kChunkBytes = std::int64_t{32} << 20;  // of values that wait to be written
constexpr std::int64_t kFewest = 16, kMost = 1024;            // files of a chunk

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) throw Error(std::strerror(errno));
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) throw Error("cannot be read");
  return bytes;
}

/// Puts planes into the order that Caffe's convert_imageset leaves: blue, green, red.
void reverse_planes(DecodedImage& image) {
  if (image.shape.c != 3) return;
  const std::ptrdiff_t plane = image.shape.h * image.shape.w;
  std::swap_ranges(image.pixels.begin(), image.pixels.begin() + plane, image.pixels.end() - plane);
}

std::string size_text(const Shape& shape) { return std::to_string(shape.h) + "x" + std::to_string(shape.w); }

}  // namespace

std::string ImageReader::value(std::span<const ImageFile> files, std::size_t index) {
  if (chunk_at_ == chunk_.size()) {
    const std::int64_t bytes = shape_ ? shape_->size() : kChunkBytes / kFewest;
    const auto count = static_cast<std::size_t>(std::clamp(kChunkBytes / bytes, kFewest, kMost));
    decode(files.subspan(index, std::min(count, files.size() - index)));
  }
  Decoded& decoded = chunk_[chunk_at_++];
  take(files[index], decoded);
  return unreadable_.empty() ? std::move(decoded.value) : "";
}

void ImageReader::decode(std::span<const ImageFile> files) {
  chunk_.assign(files.size(), {});
  chunk_at_ = 0;
  std::atomic<std::size_t> next = 0;
  on_threads(usable_processors(), [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) chunk_[i] = decode_one(files[i]);
  });
}

ImageReader::Decoded ImageReader::decode_one(const ImageFile& file) const {
  try {
    const std::string bytes = read_file(file.path);
    DecodedImage image = decode_image(std::as_bytes(std::span(bytes)));
    const bool has_colours = image.shape.c == 3;
    image = options_.gray ? grey(image) : coloured(std::move(image));
    if (options_.size) image = resized(image, options_.size->height, options_.size->width);
    reverse_planes(image);
    return {to_value(image.shape, image.pixels.data(), file.label), "", image.shape, has_colours};
  } catch (const Error& error) {
    return {"", file.path + ": " + error.what(), {}, false};
  }
}

void ImageReader::take(const ImageFile& file, Decoded& decoded) {
  if (!decoded.problem.empty()) {
    unreadable_.push_back(std::move(decoded.problem));
    return;
  }
  has_colours_ = has_colours_ || decoded.has_colours;
  if (!shape_) {
    shape_ = decoded.shape;
    first_ = file.path;
  }
  if (decoded.shape != *shape_) {
    throw Error(file.path + " is " + size_text(decoded.shape) + ", but " + first_ + " " + size_text(*shape_) +
                "; give --size HEIGHTxWIDTH to make all alike");
  }
}

}  // namespace qrun
