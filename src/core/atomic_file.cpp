#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/fault.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = ".tmp.";

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : id_(open(path.c_str(), flags | O_CLOEXEC)) {}
  ~Descriptor() {
    if (id_ >= 0) close(id_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int id() const { return id_; }

 private:
  int id_;
};

bool write_all(int id, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(id, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Syncs a file or folder. EINVAL and ENOTSUP: a file system that cannot sync folders.
bool sync(int id) { return fsync(id) == 0 || errno == EINVAL || errno == ENOTSUP; }

/// Some file systems report a lack of space only when a file is closed; a copy is, since the lock must stay.
bool close_copy(int id) {
  const int copy = fcntl(id, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 && close(copy) == 0;
}

bool sync_folder(const fs::path& folder) {
  const Descriptor descriptor(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  return descriptor.id() >= 0 && sync(descriptor.id());
}

bool lock(int id, int how) {
  while (flock(id, how) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

/// Names that a file has; 1 where the file system doesn't say.
int links_of(int id) {
  struct stat status {};
  return fstat(id, &status) == 0 ? static_cast<int>(status.st_nlink) : 1;
}

[[noreturn]] void fail_writing(const std::string& path, int reason) {
  throw EnvironmentError("cannot write " + path + ": " + std::strerror(reason));
}

}  // namespace

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> calls = 0;
  return path + std::string(kMark) + std::to_string(getpid()) + "." + std::to_string(calls++);
}

std::string_view final_name(std::string_view name) {
  const std::size_t at = name.rfind(kMark);
  const bool is_temporary = at != std::string_view::npos &&
                            name.find_first_not_of("0123456789.", at + kMark.size()) == std::string_view::npos;
  return is_temporary ? name.substr(0, at) : name;
}

/// Processes of other machines may have this one's number, and one that looks for abandoned files may come between
/// making the file and locking it: then it has gone, or another takes the name.
TemporaryFile::TemporaryFile(std::string path) : path_(std::move(path)) {
  do {
    if (id_ >= 0) close(id_);
    name_ = temporary_name(path_);
    id_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (id_ >= 0) static_cast<void>(lock(id_, LOCK_EX));  // where there are no locks, nobody looks either
  } while (id_ >= 0 ? links_of(id_) == 0 : errno == EEXIST);
  if (id_ >= 0) fault_point("file.created");
}

TemporaryFile::~TemporaryFile() {
  if (id_ < 0) return;
  if (!name_.empty()) std::remove(name_.c_str());
  close(id_);
}

bool TemporaryFile::write(std::span<const std::byte> bytes) const {
  fault_point("file.half", [&] { static_cast<void>(write_all(id_, bytes.first(bytes.size() / 2))); });
  if (!write_all(id_, bytes)) return false;
  fault_point("file.written");
  if (!sync(id_) || !close_copy(id_)) return false;
  fault_point("file.flushed");
  return true;
}

bool TemporaryFile::is_lost() const { return id_ >= 0 && links_of(id_) == 0; }

/// Unlocks the file first: readers of HDF5 lock what they open, and give up where it is locked.
bool TemporaryFile::replace() {
  static_cast<void>(lock(id_, LOCK_UN));
  if (std::rename(name_.c_str(), path_.c_str()) != 0) return false;
  name_.clear();
  fault_point("file.placed");
  return sync_folder(fs::path(path_).parent_path());
}

bool TemporaryFile::add() {
  const bool linked = link(name_.c_str(), path_.c_str()) == 0;
  if (!linked && (errno == EPERM || errno == ENOTSUP || errno == ENOSYS)) {  // no hard links here
    if (!fs::exists(path_)) return replace();
    errno = EEXIST;
    return false;
  }
  if (!linked && links_of(id_) < 2) return false;  // 2: it is there, a network file system has asked twice
  fault_point("file.linked");
  std::remove(name_.c_str());
  name_.clear();
  fault_point("file.placed");
  return sync_folder(fs::path(path_).parent_path());
}

void fail_to_replace(const std::string& path, int reason) {
  constexpr std::array<int, 6> kOfTheFile = {EISDIR, EPERM, EACCES, EBUSY, ENOTEMPTY, EEXIST};
  const std::string line = "cannot write " + path + ": " + std::strerror(reason);
  if (std::ranges::find(kOfTheFile, reason) != kOfTheFile.end()) throw Irreplaceable(line);
  throw EnvironmentError(line);
}

void write_atomically(const std::string& path, std::span<const std::byte> bytes) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code code;
  if (!folder.empty()) fs::create_directories(folder, code);
  if (code) throw EnvironmentError("cannot write " + path + ": " + code.message());
  for (;;) {
    TemporaryFile file(path);
    const bool is_written = file.is_open() && file.write(bytes);
    if (is_written && file.replace()) return;
    const int reason = errno;
    if (file.is_lost()) continue;
    is_written ? fail_to_replace(path, reason) : fail_writing(path, reason);
  }
}

void write_text(const std::string& path, const std::string& text) {
  write_atomically(path, std::as_bytes(std::span(text)));
}

bool add_text(const std::string& path, const std::string& text) {
  TemporaryFile file(path);
  if (file.is_open() && file.write(std::as_bytes(std::span(text))) && file.add()) return true;
  if (errno != EEXIST) fail_writing(path, errno);
  return false;
}

void remove_abandoned(const std::string& folder, std::string_view of) {
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, code)) {
    const std::string name = entry.path().filename().string();
    const std::string_view final = final_name(name);
    if (final == name || (!of.empty() && final != of)) continue;
    const Descriptor file(entry.path().string(), O_RDWR);  // network file systems lock only what may be written
    if (file.id() >= 0 && lock(file.id(), LOCK_EX | LOCK_NB)) fs::remove(entry.path(), code);
  }
}

}  // namespace qrun
