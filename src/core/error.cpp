#include "core/error.h"

#include "core/text.h"

namespace qrun {
namespace {

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

const std::string& FileName::text() const {
  static const std::string kNoName;
  return name_ ? *name_ : kNoName;
}

ConfigError::ConfigError(std::vector<std::string> lines) : std::runtime_error(join(lines)), lines_(std::move(lines)) {}

ConfigError::ConfigError(const Position& where, const std::string& key, const std::string& problem)
    : ConfigError(std::vector{mistake_line(where, key, problem)}) {}

std::string mistake_line(const Position& where, const std::string& key, const std::string& problem) {
  constexpr std::size_t kShort = 200;
  constexpr std::size_t kLong = 600;
  const Position shown{legible(where.file.text(), kLong), where.line, where.column};
  return to_string(shown) + ": " + legible(key, kShort) + ": " + legible(problem, kLong);
}

std::string to_string(const Position& where) {
  if (where.line == 0) return where.file.text();
  return where.file.text() + ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
}

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw std::logic_error(std::string("internal error at ") + file + ":" + std::to_string(line) + ": " + condition +
                         ": " + message);
}

}  // namespace qrun
