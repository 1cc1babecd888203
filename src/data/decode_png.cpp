// libpng reports an error by a call that must not return: it jumps back to where decoding began. Below such a jump lie
// frames of C alone, and those of the two functions here that libpng calls, which own nothing.
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <string>

#include "core/error.h"
#include "data/image_formats.h"

namespace qrun {
namespace {

constexpr std::size_t kDeflatesTo = 1032;  // bytes that one byte can stand for

class PngDecoder {
 public:
  explicit PngDecoder(std::span<const std::byte> file)
      : file_(file), png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &fail, &pass_over)) {
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw EnvironmentError("no memory to decode a PNG");
    }
    png_set_read_fn(png_, this, &give);
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  void read(ImageRows& rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) throw Error("the PNG cannot be decoded: " + std::string(text_.data()));
    png_read_info(png_, info_);
    const bool fits =
        png_get_rowbytes(png_, info_) * std::size_t{png_get_image_height(png_, info_)} <= kDeflatesTo * file_.size();
    const int passes = png_set_interlace_handling(png_);
    choose_colours();
    rows = claimed_rows(
        {png_get_channels(png_, info_), png_get_image_height(png_, info_), png_get_image_width(png_, info_)}, fits,
        file_);
    const auto row_bytes = static_cast<std::size_t>(rows.shape.w * rows.shape.c);
    for (int pass = 0; pass < passes; ++pass) {
      for (std::size_t y = 0; y < static_cast<std::size_t>(rows.shape.h); ++y)
        png_read_row(png_, rows.bytes.data() + y * row_bytes, nullptr);
    }
    png_read_end(png_, nullptr);
  }

 private:
  /// Chooses grey or RGB, of 8 bits.
  void choose_colours() {
    const int type = png_get_color_type(png_, info_);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    png_read_update_info(png_, info_);
  }

  [[noreturn]] static void fail(png_structp png, png_const_charp text) {
    auto& self = *static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::strncpy(self.text_.data(), text, self.text_.size() - 1);
    png_longjmp(png, 1);
  }
  static void pass_over(png_structp, png_const_charp) {}  // what libpng mends is no concern of a pixel

  static void give(png_structp png, png_bytep bytes, std::size_t size) {
    auto& self = *static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (size > self.file_.size() - self.given_) png_error(png, "the file is cut");
    std::memcpy(bytes, self.file_.data() + self.given_, size);
    self.given_ += size;
  }

  std::span<const std::byte> file_;
  std::size_t given_ = 0;  // bytes
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::array<char, 200> text_{};
};

}  // namespace

ImageRows decode_png(std::span<const std::byte> file) {
  ImageRows rows;
  PngDecoder(file).read(rows);
  return rows;
}

}  // namespace qrun
