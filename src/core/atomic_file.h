// Files that appear whole or not at all: written under a temporary name beside the target, flushed, renamed.
// A temporary file is locked while it is written, so that what a kill leaves can be told from it, by any process on any
// machine that shares the folder.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace qrun {

/// One file stands in the way, where others beside it can be written: a folder has its name, or it is protected.
class Irreplaceable : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// Throws Irreplaceable where the reason, an errno, lies in the file at `path`, else EnvironmentError.
[[noreturn]] void fail_to_replace(const std::string& path, int reason);

/// A new file beside `path`, under a name that no other process uses. It goes with this object unless it has taken its
/// place. Members give false where the system refuses; errno says why.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_open() const { return id_ >= 0; }
  /// True if the file was removed as an abandoned one: it is not locked while it takes its place.
  [[nodiscard]] bool is_lost() const;
  /// Writes the bytes, which are on disk when it returns.
  [[nodiscard]] bool write(std::span<const std::byte> bytes) const;
  /// Takes the place of `path`, whatever is there.
  [[nodiscard]] bool replace();
  /// Becomes `path` if there is none; EEXIST: there is one. Of several that try only one succeeds, on file systems
  /// without hard links only if their callers exclude each other.
  [[nodiscard]] bool add();

 private:
  std::string path_, name_;
  int id_ = -1;
};

/// Puts a file of these bytes in place of `path`, on disk when it returns; missing folders are made. Whatever fails, no
/// temporary file stays and an old file is untouched. Throws EnvironmentError (path, the system's reason),
/// Irreplaceable among them.
void write_atomically(const std::string& path, std::span<const std::byte> bytes);

/// Puts a file of this text in place of `path`, as write_atomically() does.
void write_text(const std::string& path, const std::string& text);

/// Writes a new file, all or nothing; false if there is one already. Throws EnvironmentError.
[[nodiscard]] bool add_text(const std::string& path, const std::string& text);

/// A name beside `path` that no other file of this process has or gets.
[[nodiscard]] std::string temporary_name(const std::string& path);

/// The name a temporary file is going to have; other names as they are.
[[nodiscard]] std::string_view final_name(std::string_view name);

/// Removes temporary files whose writers were killed: of one file in a folder, or of all. Where the file system has no
/// locks they stay.
void remove_abandoned(const std::string& folder, std::string_view of = "");

}  // namespace qrun
