// A file as it is unpacked: plain or compressed by gzip.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qrun {

class PackedFile {
 public:
  /// Throws Error with the path and the reason.
  explicit PackedFile(std::string path);

  /// Reads up to `most` bytes behind those already read; in chunks, so that memory follows what is there and not what a
  /// header claims. Throws Error where the file is damaged.
  [[nodiscard]] std::vector<std::uint8_t> read(std::size_t most);

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  void check();

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace qrun
