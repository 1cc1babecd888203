// Images of each kind, cut, changed, and such that claim what they do not have.
#include "data/decode_image.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "data/image_files.h"
#include "data/support.h"
#include "math/rng.h"

namespace qrun {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

DecodedImage decoded(const std::string& file) { return decode_image(std::as_bytes(std::span(file))); }
std::string decoding(const std::string& file) {
  return message_of([&] { static_cast<void>(decoded(file)); });
}

/// Rows without a pattern, the same each time.
std::vector<std::uint8_t> some_rows(std::size_t bytes) {
  std::vector<std::uint8_t> rows(bytes);
  for (std::size_t i = 0; i < bytes; ++i) rows[i] = static_cast<std::uint8_t>(random_bits(1, 2, i));
  return rows;
}
/// Rows in which neighbours are alike, as in a photograph: [h, w, 3].
std::vector<std::uint8_t> smooth_rows(std::size_t h, std::size_t w) {
  std::vector<std::uint8_t> rows;
  for (std::size_t y = 0; y < h; ++y) {
    for (std::size_t x = 0; x < w; ++x) {
      for (const std::size_t value : {4 * x, 4 * y, 2 * (x + y)}) rows.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return rows;
}

TEST(DecodePng, GivesThePlanesOfRedGreenAndBlue) {
  const DecodedImage image = decoded(png_file(1, 2, {10, 20, 30, 11, 21, 31}));
  EXPECT_EQ(image.shape, (Shape{3, 1, 2}));
  EXPECT_THAT(image.pixels, ElementsAre(10, 11, 20, 21, 30, 31));
}

TEST(DecodePng, GivesGreyOneChannel) {
  const std::vector<std::uint8_t> rows = some_rows(15);
  const DecodedImage image = decoded(png_file(5, 3, rows, {.colour_type = PNG_COLOR_TYPE_GRAY}));
  EXPECT_EQ(image.shape, (Shape{1, 5, 3}));
  EXPECT_EQ(image.pixels, rows);
  const std::string bits = png_file(1, 4, {0b10110000}, {.colour_type = PNG_COLOR_TYPE_GRAY, .bits = 1});
  EXPECT_THAT(decoded(bits).pixels, ElementsAre(255, 0, 255, 255));
}

TEST(DecodePng, DropsTransparencyAndTheLowerBits) {
  EXPECT_THAT(decoded(png_file(1, 2, {1, 2, 3, 77, 4, 5, 6, 0}, {.colour_type = PNG_COLOR_TYPE_RGB_ALPHA})).pixels,
              ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(decoded(png_file(1, 2, {1, 0, 9, 255}, {.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA})).pixels,
              ElementsAre(1, 9));
  EXPECT_THAT(decoded(png_file(1, 2, {1, 255, 9, 0}, {.colour_type = PNG_COLOR_TYPE_GRAY, .bits = 16})).pixels,
              ElementsAre(1, 9));
}

TEST(DecodePng, LooksColoursUpInThePalette) {
  const PngOptions options{
      .colour_type = PNG_COLOR_TYPE_PALETTE, .bits = 2, .palette = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}};
  EXPECT_THAT(decoded(png_file(1, 3, {0b10000100}, options)).pixels, ElementsAre(7, 1, 4, 8, 2, 5, 9, 3, 6));
}

TEST(DecodePng, ReadsInterlacedFilesAlike) {
  const std::vector<std::uint8_t> rows = some_rows(std::size_t{3} * 13 * 11);
  EXPECT_EQ(decoded(png_file(13, 11, rows, {.interlaced = true})).pixels, decoded(png_file(13, 11, rows)).pixels);
}

TEST(DecodeJpeg, GivesPlanesAndGreyAsPngDoes) {
  const std::vector<std::uint8_t> rows = smooth_rows(20, 30);
  const std::vector<std::uint8_t> want = decoded(png_file(20, 30, rows)).pixels;
  for (const bool progressive : {false, true}) {
    const JpegOptions options{.also = [progressive](jpeg_compress_struct& info) {
      info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;  // colours as sharp as the light
      if (progressive) jpeg_simple_progression(&info);
    }};
    const DecodedImage image = decoded(jpeg_file({3, 20, 30}, rows, options));
    ASSERT_EQ(image.shape, (Shape{3, 20, 30}));
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(image.pixels[i], want[i], 4) << progressive << " " << i;
  }
  const DecodedImage grey = decoded(jpeg_file({1, 9, 7}, std::vector<std::uint8_t>(63, 100)));
  EXPECT_EQ(grey.shape, (Shape{1, 9, 7}));
  EXPECT_THAT(grey.pixels, Each(100));
}

TEST(DecodeJpeg, RefusesFourChannels) {
  EXPECT_EQ(decoding(jpeg_file({4, 2, 2}, some_rows(16))), "a JPEG of 4 channels (CMYK); convert it to RGB or to grey");
}

TEST(DecodeJpeg, RefusesScansWithoutEnd) {
  std::vector<jpeg_scan_info> scans;
  for (int k = 0; k < 64; ++k) {
    scans.push_back({1, {0}, k, k, 0, 1});
    scans.push_back({1, {0}, k, k, 1, 0});
  }
  const auto with = [&](std::size_t count) {
    return jpeg_file({1, 16, 16}, some_rows(256), {.also = [&](jpeg_compress_struct& info) {
                       info.scan_info = scans.data();
                       info.num_scans = static_cast<int>(count);
                     }});
  };
  EXPECT_EQ(decoding(with(90)), "nothing thrown");
  EXPECT_EQ(decoding(with(128)), "the JPEG cannot be decoded: more than 100 scans");
}

TEST(DecodeImage, RefusesOtherFormatsByName) {
  EXPECT_EQ(decoding("GIF89a and more"), "a GIF file; convert it to PNG");
  EXPECT_EQ(decoding("RIFF....WEBPVP8 "), "a WebP file; convert it to PNG");
  EXPECT_EQ(decoding("text"), "neither JPEG nor PNG; convert it to PNG");
  EXPECT_EQ(decoding(""), "no bytes where a JPEG or PNG should be");
}

class DecodeDamaged : public testing::TestWithParam<const char*> {
 protected:
  DecodeDamaged() {
    const std::vector<std::uint8_t> rows = smooth_rows(24, 17);
    if (GetParam() == std::string_view("png")) file_ = png_file(24, 17, rows);
    if (GetParam() == std::string_view("interlaced")) file_ = png_file(24, 17, rows, {.interlaced = true});
    if (GetParam() == std::string_view("jpeg")) file_ = jpeg_file({3, 24, 17}, rows);
    if (GetParam() == std::string_view("progressive"))
      file_ = jpeg_file({3, 24, 17}, rows, {.also = [](auto& info) { jpeg_simple_progression(&info); }});
  }
  std::string file_;
};

TEST_P(DecodeDamaged, IsNotSeenInAWholeFile) { EXPECT_EQ(decoding(file_), "nothing thrown"); }

TEST_P(DecodeDamaged, RefusesAFileThatIsCutAnywhere) {
  for (std::size_t size = 0; size < file_.size(); ++size)
    ASSERT_THROW(static_cast<void>(decoded(file_.substr(0, size))), Error) << size << " of " << file_.size();
}

TEST_P(DecodeDamaged, RefusesChangedBytesOrGivesAWholeImage) {
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    std::string damaged = file_;
    for (std::uint64_t i = 0; i <= trial % 3; ++i)
      damaged[random_below(trial, 1, i, damaged.size())] = static_cast<char>(random_bits(trial, 2, i));
    try {
      const DecodedImage image = decoded(damaged);
      ASSERT_EQ(std::ssize(image.pixels), image.shape.size()) << "trial " << trial;
    } catch (const Error&) {  // refused
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, DecodeDamaged, testing::Values("png", "interlaced", "jpeg", "progressive"));

std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
  return text;
}

TEST(DecodeImage, RefusesAClaimOfMoreThanTheFileCanHold) {
  std::string png = png_file(4, 4, some_rows(48));
  png.replace(16, 8, big_endian(60000, 4) + big_endian(60000, 4));  // in the header chunk, before its sum
  png.replace(29, 4, big_endian(crc32(0, reinterpret_cast<const Bytef*>(png.data()) + 12, 17), 4));
  EXPECT_THAT(decoding(png), HasSubstr("it claims 60000 x 60000 pixels, which its "));
  std::string jpeg = jpeg_file({3, 4, 4}, some_rows(48));
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, big_endian(60000, 2) + big_endian(60000, 2));
  EXPECT_THAT(decoding(jpeg), HasSubstr("it claims 60000 x 60000 pixels, which its "));
}

TEST(DecodeImage, RefusesMoreValuesThanAnItemMayHave) {
  const std::vector<std::uint8_t> rows(std::size_t{20000} * 20000 / 8);  // compresses well, and is true
  EXPECT_EQ(decoding(png_file(20000, 20000, rows, {.colour_type = PNG_COLOR_TYPE_GRAY, .bits = 1})),
            "an image of 20000 x 20000 pixels; at most 2^28 values are read");
}

}  // namespace
}  // namespace qrun
