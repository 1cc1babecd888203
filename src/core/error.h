// What can go wrong, by who can mend it: the user's file, the world, or this program.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace qrun {

/// The name of a file: text, of which all the positions in the file share one copy. A sweep's runs have many positions.
class FileName {
 public:
  FileName() = default;
  FileName(std::string name)  // NOLINT(google-explicit-constructor): text is what it is
      : name_(std::make_shared<const std::string>(std::move(name))) {}
  FileName(const char* name) : FileName(std::string(name)) {}  // NOLINT(google-explicit-constructor): likewise

  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool empty() const { return text().empty(); }
  friend bool operator==(const FileName& a, const FileName& b) { return a.name_ == b.name_ || a.text() == b.text(); }

 private:
  std::shared_ptr<const std::string> name_;
};

/// Where something was written. `line` and `column` count from 1; 0 means "the file as a whole".
struct Position {
  FileName file;
  int line = 0;
  int column = 0;
};

/// A mistake in the user's configuration or command line (exit code 2).
/// Each of `lines()` is complete: `FILE:LINE:COLUMN: KEY: what is wrong; what would be right`.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<std::string> lines);
  ConfigError(const Position& where, const std::string& key, const std::string& problem);  // one mistake_line()
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// Something in the world failed: operation, path, the system's reason (exit code 1 where it ends one run).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file that may be sound, but can't be read now: locked, not ours to read, of a newer version.
class Unreadable : public Error {
 public:
  using Error::Error;
};

/// The machine cannot do what was asked: no device, no space, not writable (exit code 4).
class EnvironmentError : public Error {
 public:
  using Error::Error;
};

/// Returns `FILE:LINE:COLUMN: KEY: PROBLEM`, legible whatever the user wrote.
[[nodiscard]] std::string mistake_line(const Position& where, const std::string& key, const std::string& problem);

/// Returns `FILE:LINE:COLUMN`, or `FILE` where no line is known.
[[nodiscard]] std::string to_string(const Position& where);

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& message);

}  // namespace qrun

/// Checks for this program's own mistakes; user input never reaches a check.
#define QRUN_CHECK(condition, message)                                                 \
  do {                                                                                 \
    if (!(condition)) ::qrun::check_failed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
