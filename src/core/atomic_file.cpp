#include "core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : id_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (id_ >= 0) ::close(id_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] bool is_open() const { return id_ >= 0; }
  [[nodiscard]] bool write_all(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(id_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
  }
  /// EINVAL and ENOTSUP: a file system that cannot sync folders.
  [[nodiscard]] bool sync() const { return fsync(id_) == 0 || errno == EINVAL || errno == ENOTSUP; }
  /// Some file systems report a lack of space only here.
  [[nodiscard]] bool close() { return ::close(std::exchange(id_, -1)) == 0; }

 private:
  int id_;
};

/// errno says what failed.
bool write_flushed(const std::string& path, std::span<const std::byte> bytes) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  return file.is_open() && file.write_all(bytes) && file.sync() && file.close();
}

bool sync_folder(const fs::path& folder) {
  const Descriptor descriptor(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  return descriptor.is_open() && descriptor.sync();
}

/// Of this process and this call: threads may write the same file at once.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> calls = 0;
  return path + ".tmp." + std::to_string(getpid()) + std::to_string(calls++);
}

}  // namespace

void write_atomically(const std::string& path, std::span<const std::byte> bytes) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code code;
  if (!folder.empty()) fs::create_directories(folder, code);
  if (code) throw EnvironmentError("cannot write " + path + ": " + code.message());
  const std::string temporary = temporary_name(path);
  if (write_flushed(temporary, bytes) && std::rename(temporary.c_str(), path.c_str()) == 0 && sync_folder(folder)) {
    return;
  }
  const int failure = errno;
  std::remove(temporary.c_str());
  throw EnvironmentError("cannot write " + path + ": " + std::strerror(failure));
}

void write_text(const std::string& path, const std::string& text) {
  write_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace qrun
