// libjpeg reports an error by a call that must not return: it jumps back to where decoding began. Below such a jump lie
// frames of C alone, and those of the two functions here that jump, which own nothing.
// clang-format off
#include <cstdio>  // jpeglib.h takes it for granted
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <array>
#include <csetjmp>
#include <string>

#include "core/error.h"
#include "data/image_formats.h"

namespace qrun {
namespace {

constexpr int kMostScans = 100;             // of a progressive image, each over all of it; programs write about ten
constexpr std::int64_t kPixelsAByte = 512;  // a block of 8 x 8 takes a bit or more

class JpegDecoder {
 public:
  explicit JpegDecoder(std::span<const std::byte> file) : file_(file) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { self(info).leave(info); };
    errors_.emit_message = [](j_common_ptr info, int level) { self(info).hear(info, level); };
    progress_.progress_monitor = [](j_common_ptr info) { self(info).count_scans(); };
    info_.client_data = this;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }  // does nothing where none was created
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  void read(ImageRows& rows) {
    if (setjmp(start_) != 0) throw Error("the JPEG cannot be decoded: " + std::string(text_.data()));
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_read_header(&info_, TRUE);
    choose_colours();
    jpeg_calc_output_dimensions(&info_);
    rows = claimed_rows({info_.output_components, info_.output_height, info_.output_width}, fits(), file_);
    jpeg_start_decompress(&info_);
    const auto row_bytes = static_cast<std::size_t>(rows.shape.w * rows.shape.c);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = rows.bytes.data() + info_.output_scanline * row_bytes;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
  }

 private:
  static JpegDecoder& self(j_common_ptr info) { return *static_cast<JpegDecoder*>(info->client_data); }

  [[nodiscard]] bool fits() const {
    return std::int64_t{info_.output_width} * info_.output_height <= kPixelsAByte * std::ssize(file_);
  }

  void choose_colours() {
    if (info_.num_components != 1 && info_.num_components != 3) {
      throw Error("a JPEG of " + std::to_string(info_.num_components) + " channels" +
                  (info_.num_components == 4 ? " (CMYK)" : "") + "; convert it to RGB or to grey");
    }
    info_.out_color_space = info_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  }

  [[noreturn]] void leave(j_common_ptr info) {
    errors_.format_message(info, text_.data());
    std::longjmp(start_, 1);
  }

  /// Leaves at a warning, which says that pixels were made up, but for these.
  void hear(j_common_ptr info, int level) {
    if (level >= 0) return;  // a trace
    switch (errors_.msg_code) {
      case JWRN_ADOBE_XFORM:
      case JWRN_BOGUS_ICC:
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_JFIF_MAJOR:
      case JWRN_NOT_SEQUENTIAL: return;
      default: leave(info);
    }
  }

  void count_scans() {
    if (info_.input_scan_number <= kMostScans) return;
    std::snprintf(text_.data(), text_.size(), "more than %d scans", kMostScans);
    std::longjmp(start_, 1);
  }

  std::span<const std::byte> file_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf start_{};
  std::array<char, JMSG_LENGTH_MAX> text_{};
};

}  // namespace

ImageRows decode_jpeg(std::span<const std::byte> file) {
  ImageRows rows;
  JpegDecoder(file).read(rows);
  return rows;
}

}  // namespace qrun
