#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

#include "core/error.h"
#include "store/h5.h"
#include "store/h5_heap.h"

namespace qrun::h5 {
namespace {

constexpr std::size_t kIncrement = std::size_t{1} << 20;  // by which a file in memory grows

/// Returns the mutex that whoever uses HDF5 holds.
std::recursive_mutex& library() {
  static std::recursive_mutex mutex;
  return mutex;
}

[[noreturn]] void fail_open(const std::string& path) {
  const std::string why = reason();
  if (why.find("lock file") != std::string::npos) {
    throw Unreadable(path + ": " + why +
                     "; another program may be writing it, or the file system has no locks: then set "
                     "HDF5_USE_FILE_LOCKING=FALSE");
  }
  throw Error(path + ": damaged HDF5 file (" + why + ")");
}

/// False on a file system without locks. A lock that somebody holds is left to HDF5 to report.
bool has_locks(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool locks = file < 0 || flock(file, LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK;
  if (file >= 0) close(file);
  return locks;
}

void check_readable(const std::string& path) {
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) throw Error(path + ": no such file");
  if (!std::filesystem::is_regular_file(status)) throw Error(path + ": not a file");
  if (access(path.c_str(), R_OK) != 0) throw Unreadable(path + ": cannot read: " + std::strerror(errno));
  if (H5Fis_hdf5(path.c_str()) <= 0) throw Error(path + ": not an HDF5 file");
  check_heaps(path);
}

}  // namespace

void start() {
  const bool started = H5open() >= 0 && H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  if (!started) throw std::bad_alloc();  // it needs nothing else
}

void ask_memory(std::size_t bytes) {
  constexpr std::size_t kBeside = std::size_t{8} << 20;  // chunks, caches, the growth of a file in memory
  operator delete(operator new(bytes + kBeside));
}

std::string reason() {
  std::string text;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& first = *static_cast<std::string*>(out);
    if (first.empty() && error->desc != nullptr) first = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &text);
  return text.empty() ? "unknown reason" : text;
}

File::File(Lock lock, Handle file, const std::string& path)
    : lock_(std::move(lock)),
      file_(std::move(file)),
      root_(Handle(H5Gopen2(file_.get(), "/", H5P_DEFAULT), H5Gclose), path, "/") {
  if (root_.id() < 0) throw Error(path + ": damaged HDF5 file (" + reason() + ")");
}

File File::create(const std::string& path) {
  Lock lock(library());
  start();
  ask_memory(0);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Of the oldest format: the image of a newer one has a wrong checksum.
  H5Pset_fapl_core(access.get(), kIncrement, false);
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_attr_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation.get(), false);
  Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
  if (!file) throw Error(path + ": cannot create: " + reason());
  return {std::move(lock), std::move(file), path};
}

File File::open(const std::string& path) {
  Lock lock(library());
  start();
  ask_memory(0);
  check_readable(path);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access.get(), has_locks(path), true);
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file) fail_open(path);
  return {std::move(lock), std::move(file), path};
}

File File::copy(const std::string& path) {
  Lock lock(library());
  start();
  ask_memory(std::filesystem::file_size(path));
  check_readable(path);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access.get(), kIncrement, false);
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose);
  if (!file) fail_open(path);
  return {std::move(lock), std::move(file), path};
}

std::vector<std::byte> File::image() && {
  const std::string path = root_.file();
  const ssize_t size = H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file_.get(), nullptr, 0);
  if (size < 0) throw Error(path + ": cannot write: " + reason());
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (H5Fget_file_image(file_.get(), bytes.data(), bytes.size()) != size)
    throw Error(path + ": cannot write: " + reason());
  root_ = Group(Handle(), path, "/");
  file_ = Handle();
  return bytes;
}

}  // namespace qrun::h5
