#include "config/run_spec.h"

// The header-only form: one function, no library to link.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cctype>

#include "config/defining.h"
#include "config/fields/run.h"

namespace qrun {
namespace {

constexpr std::size_t kHashDigits = 12;
constexpr std::size_t kMaxReadable = 80;

/// The last part of an address where that names one value only, else all of it.
std::string short_name(const std::vector<std::pair<std::string, std::string>>& swept, const std::string& address) {
  const auto last = [](const std::string& path) { return path.substr(path.rfind('.') + 1); };
  const auto same = std::ranges::count_if(swept, [&](const auto& pair) { return last(pair.first) == last(address); });
  return same == 1 ? last(address) : address;
}

std::string without_quotes(const std::string& value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

/// One `_` for each character that a file's name should not have; of UTF-8 the bytes behind the first are passed over.
std::string with_safe_characters(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool keeps = (byte < 0x80 && std::isalnum(byte) != 0) || std::string_view("_.=,-").find(c) != text.npos;
    if ((byte & 0xc0U) != 0x80U) safe += keeps ? c : '_';
  }
  return safe;
}

}  // namespace

std::string RunSpec::text() const {
  config::TextSink text(config::Quoting::kPortable);
  config::write_run(*this, {text});
  return text.take();
}

std::string RunSpec::hash() const {
  const std::string defining = defining_text(*this);
  return fmt::format("{:016x}", XXH3_64bits(defining.data(), defining.size())).substr(0, kHashDigits);
}

std::string RunSpec::id() const {
  std::string readable;
  for (const auto& [address, value] : swept) {
    readable += fmt::format("{}{}={}", readable.empty() ? "" : ",", short_name(swept, address), without_quotes(value));
  }
  readable = with_safe_characters(readable);
  return fmt::format("{}-{}", readable.empty() ? "run" : readable.substr(0, kMaxReadable), hash());
}

}  // namespace qrun
