#include "data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include "core/error.h"

namespace qrun {
namespace {

constexpr std::uint32_t kImagesMagic = 0x803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x801;
constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kLargest = std::size_t{1} << 31;

/// A file as it is unpacked.
class Unpacked {
 public:
  explicit Unpacked(std::string path) : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb")) {
    if (!file_) throw Error("cannot read " + path_ + ": " + std::strerror(errno));
  }

  /// Up to `most` bytes behind those already read; in chunks, so that memory follows what is there and not what a
  /// header claims.
  [[nodiscard]] std::vector<std::uint8_t> read(std::size_t most) {
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < most) {
      const std::size_t before = bytes.size();
      const std::size_t chunk = std::min(kChunk, most - before);
      bytes.resize(before + chunk);
      const int n = gzread(file_.get(), bytes.data() + before, static_cast<unsigned>(chunk));
      check();
      bytes.resize(before + static_cast<std::size_t>(n));
      if (n == 0) break;
    }
    return bytes;
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  void check() {
    int code = 0;
    const std::string reason = gzerror(file_.get(), &code);  // begins with the path
    if (code != Z_OK && code != Z_STREAM_END) throw Error(reason + " (damaged)");
  }

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t index) {
  const std::uint8_t* p = bytes.data() + 4 * index;
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

std::string existing(const std::string& path) {
  return std::filesystem::exists(path) || !std::filesystem::exists(path + ".gz") ? path : path + ".gz";
}

/// The data behind a header of `dimensions`, which it fills.
std::vector<std::uint8_t> read_checked(const std::string& path, std::uint32_t magic,
                                       std::span<std::int64_t> dimensions) {
  Unpacked file(path);
  const std::vector<std::uint8_t> header = file.read(4 * (1 + dimensions.size()));
  if (header.size() < 4 * (1 + dimensions.size())) throw Error(path + ": too short for an idx header");
  if (word(header, 0) != magic) {
    throw Error(path + ": magic number " + std::to_string(word(header, 0)) + " instead of " + std::to_string(magic));
  }
  std::uint64_t expected = 1;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    const std::uint64_t dimension = word(header, i + 1);
    if (dimension == 0) throw Error(path + ": an empty dimension in its header");
    if (expected > kLargest / dimension) throw Error(path + ": its header claims more than 2 GiB");
    expected *= dimension;
    dimensions[i] = static_cast<std::int64_t>(dimension);
  }
  std::vector<std::uint8_t> bytes = file.read(expected + 1);  // one too many tells a file that goes on
  if (bytes.size() != expected) {
    throw Error(path + ": " +
                (bytes.size() > expected ? "more than " + std::to_string(expected) : std::to_string(bytes.size())) +
                " bytes of data where its header says " + std::to_string(expected));
  }
  return bytes;
}

}  // namespace

IdxImages read_idx_images(const std::string& path) {
  std::array<std::int64_t, 3> dimensions{};
  std::vector<std::uint8_t> pixels = read_checked(existing(path), kImagesMagic, dimensions);
  return {dimensions[0], dimensions[1], dimensions[2], std::move(pixels)};
}

std::vector<std::uint8_t> read_idx_labels(const std::string& path) {
  const std::string file = existing(path);
  std::array<std::int64_t, 1> dimensions{};
  std::vector<std::uint8_t> labels = read_checked(file, kLabelsMagic, dimensions);
  const auto bad = std::ranges::find_if(labels, [](std::uint8_t label) { return label > 9; });
  if (bad != labels.end()) {
    throw Error(file + ": label " + std::to_string(*bad) + " of item " + std::to_string(bad - labels.begin()) +
                " is not a digit");
  }
  return labels;
}

}  // namespace qrun
