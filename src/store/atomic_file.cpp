#include "store/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/error.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path) {
  throw EnvironmentError("cannot write " + path + ": " + std::strerror(errno));
}

void sync_path(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags);
  if (descriptor < 0) fail(path);
  const int failed = fsync(descriptor);
  const int reason = errno;
  close(descriptor);
  errno = reason;
  if (failed != 0 && errno != EINVAL) fail(path);  // EINVAL: a file system that cannot sync folders
}

}  // namespace

void write_atomically(const std::string& path, const std::function<void(const std::string&)>& write) {
  const std::string temporary = path + ".tmp." + std::to_string(getpid());
  try {
    const fs::path folder = fs::path(path).parent_path();
    if (!folder.empty()) fs::create_directories(folder);
    write(temporary);
    sync_path(temporary, O_RDONLY);
    if (std::rename(temporary.c_str(), path.c_str()) != 0) fail(path);
    sync_path(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  } catch (const fs::filesystem_error& error) {
    throw EnvironmentError("cannot write " + path + ": " + error.code().message());
  } catch (...) {
    std::remove(temporary.c_str());
    throw;
  }
}

void write_text(const std::string& path, const std::string& text) {
  write_atomically(path, [&](const std::string& temporary) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(temporary.c_str(), "wb"), std::fclose);
    if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() || std::fflush(file.get()) != 0)
      fail(path);
  });
}

}  // namespace qrun
