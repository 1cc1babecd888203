// Decodes the files of a set on all processors, and makes items of a database of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"
#include "data/import/image_folder.h"
#include "data/import/import.h"

namespace qrun {

/// Files are read once, in their order; several sets share one reader, for their images are to have one shape.
class ImageReader {
 public:
  explicit ImageReader(const ImageOptions& options) : options_(options) {}

  /// The value of `files[index]`, asked for in order. Of files that can't be decoded, and of all behind them, it is
  /// empty: see unreadable(). Throws Error where images have several sizes and are to keep them.
  [[nodiscard]] std::string value(std::span<const ImageFile> files, std::size_t index);

  /// Path and reason of each file that can't be decoded.
  [[nodiscard]] const std::vector<std::string>& unreadable() const { return unreadable_; }
  /// True where there were images, and none had colours.
  [[nodiscard]] bool all_are_grey() const { return shape_.has_value() && !has_colours_; }

 private:
  struct Decoded {
    std::string value, problem;
    Shape shape;
    bool has_colours = false;
  };
  void decode(std::span<const ImageFile> files);
  [[nodiscard]] Decoded decode_one(const ImageFile& file) const;
  void take(const ImageFile& file, Decoded& decoded);

  ImageOptions options_;
  std::optional<Shape> shape_;  // of all
  std::string first_;           // the file that it is of
  std::vector<std::string> unreadable_;
  bool has_colours_ = false;
  std::vector<Decoded> chunk_;
  std::size_t chunk_at_ = 0;
};

}  // namespace qrun
