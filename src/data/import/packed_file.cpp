#include "data/import/packed_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace qrun {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;

}  // namespace

PackedFile::PackedFile(std::string path) : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb")) {
  if (!file_) throw Error("cannot read " + path_ + ": " + std::strerror(errno));
}

std::vector<std::uint8_t> PackedFile::read(std::size_t most) {
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

void PackedFile::check() {
  int code = 0;
  const std::string reason = gzerror(file_.get(), &code);  // begins with the path
  if (code != Z_OK && code != Z_STREAM_END) throw Error(reason + " (damaged)");
}

}  // namespace qrun
