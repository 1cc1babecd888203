#include "data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/error.h"

namespace qrun {
namespace {

constexpr std::uint32_t kImagesMagic = 0x803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x801;
constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kLargest = std::size_t{1} << 31;

/// The whole file, unpacked; reads in chunks, so that memory follows what is there and not what a header claims.
std::vector<std::uint8_t> read_all(const std::string& path) {
  const auto close = [](gzFile file) { gzclose(file); };
  const std::unique_ptr<gzFile_s, decltype(close)> file(gzopen(path.c_str(), "rb"), close);
  if (!file) throw Error("cannot read " + path + ": " + std::strerror(errno));
  std::vector<std::uint8_t> bytes;
  for (;;) {
    const std::size_t before = bytes.size();
    if (before > kLargest) throw Error(path + ": larger than 2 GiB when unpacked; not an MNIST file");
    bytes.resize(before + kChunk);
    const int n = gzread(file.get(), bytes.data() + before, static_cast<unsigned>(kChunk));
    if (n < 0) {
      int code = 0;
      throw Error(path + ": damaged: " + gzerror(file.get(), &code));
    }
    bytes.resize(before + static_cast<std::size_t>(n));
    if (n == 0) break;
  }
  int code = 0;
  const char* reason = gzerror(file.get(), &code);
  if (code != Z_OK && code != Z_STREAM_END) throw Error(path + ": damaged: " + reason);
  return bytes;
}

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t index) {
  const std::uint8_t* p = bytes.data() + 4 * index;
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

std::string existing(const std::string& path) {
  return std::filesystem::exists(path) || !std::filesystem::exists(path + ".gz") ? path : path + ".gz";
}

std::vector<std::uint8_t> read_checked(const std::string& path, std::uint32_t magic, std::size_t header_words) {
  std::vector<std::uint8_t> bytes = read_all(path);
  if (bytes.size() < 4 * header_words) throw Error(path + ": too short for an idx header");
  if (word(bytes, 0) != magic) {
    throw Error(path + ": magic number " + std::to_string(word(bytes, 0)) + " instead of " + std::to_string(magic));
  }
  std::uint64_t expected = 1;
  for (std::size_t i = 1; i < header_words; ++i) {
    const std::uint64_t dimension = word(bytes, i);
    if (dimension == 0) throw Error(path + ": an empty dimension in its header");
    if (expected > kLargest / dimension) throw Error(path + ": its header claims more than 2 GiB");
    expected *= dimension;
  }
  const std::uint64_t found = bytes.size() - 4 * header_words;
  if (found != expected) {
    throw Error(path + ": " + std::to_string(found) + " bytes of data where its header says " +
                std::to_string(expected));
  }
  return bytes;
}

}  // namespace

IdxImages read_idx_images(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_checked(existing(path), kImagesMagic, 4);
  return {word(bytes, 1), word(bytes, 2), word(bytes, 3), {bytes.begin() + 16, bytes.end()}};
}

std::vector<std::uint8_t> read_idx_labels(const std::string& path) {
  const std::string file = existing(path);
  const std::vector<std::uint8_t> bytes = read_checked(file, kLabelsMagic, 2);
  std::vector<std::uint8_t> labels(bytes.begin() + 8, bytes.end());
  const auto bad = std::ranges::find_if(labels, [](std::uint8_t label) { return label > 9; });
  if (bad != labels.end()) {
    throw Error(file + ": label " + std::to_string(*bad) + " of item " + std::to_string(bad - labels.begin()) +
                " is not a digit");
  }
  return labels;
}

}  // namespace qrun
