#include "data/import/idx.h"

#include <array>
#include <span>
#include <utility>

#include "core/error.h"
#include "data/import/packed_file.h"

namespace qrun {
namespace {

constexpr std::uint32_t kImagesMagic = 0x803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x801;
constexpr std::size_t kLargest = std::size_t{1} << 31;

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t index) {
  const std::uint8_t* p = bytes.data() + 4 * index;
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

/// The data behind a header of `dimensions`, which it fills.
std::vector<std::uint8_t> read_checked(const std::string& path, std::uint32_t magic,
                                       std::span<std::int64_t> dimensions) {
  PackedFile file(path);
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
  std::vector<std::uint8_t> pixels = read_checked(path, kImagesMagic, dimensions);
  return {dimensions[0], dimensions[1], dimensions[2], std::move(pixels)};
}

std::vector<std::uint8_t> read_idx_labels(const std::string& path) {
  std::array<std::int64_t, 1> dimensions{};
  return read_checked(path, kLabelsMagic, dimensions);
}

}  // namespace qrun
