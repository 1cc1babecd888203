#include "config/yaml/names.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

#include "core/text.h"

namespace qrun::config {
namespace {

constexpr std::size_t kMaxLength = 100;
constexpr std::size_t kLongest = 1000;  // a longer one is no typing mistake, and a comparison costs its square

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // rows i-2, i-1, i of the table
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

std::string without_invisible(std::string_view text) {
  std::string visible(text);
  for (std::size_t at = find_invisible(visible); at != visible.npos; at = find_invisible(visible))
    visible.erase(at, character_length(std::string_view(visible).substr(at)));
  return visible;
}

/// True for conv and conv2d, dir and directory.
bool begin_alike(std::string_view a, std::string_view b) {
  constexpr std::size_t kStem = 3;
  const std::size_t shared = std::min(a.size(), b.size());
  return shared >= kStem && a.substr(0, shared) == b.substr(0, shared);
}

}  // namespace

bool is_name(std::string_view text, std::string_view extra) {
  const auto allowed = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || extra.find(c) != extra.npos;
  };
  return !text.empty() && text.size() <= kMaxLength && text.front() != '.' && std::ranges::all_of(text, allowed);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool is_pattern(std::string_view pattern) { return pattern.find_first_of("*?") != pattern.npos; }

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t star = pattern.npos;  // the last `*` met, and where its match ends for now
  std::size_t after = 0;
  for (std::size_t n = 0; n < name.size();) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != pattern.npos) {
      p = star + 1;
      n = ++after;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool covers(std::string_view pattern, std::string_view address) {
  const std::vector<std::string> patterns = split(pattern, '.');
  const std::vector<std::string> parts = split(address, '.');
  const auto match = [](const std::string& a, const std::string& b) { return matches(a, b); };
  return patterns.size() <= parts.size() && std::equal(patterns.begin(), patterns.end(), parts.begin(), match);
}

std::string suggest(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) return "there is none";
  const bool means_cuda = name == "gpu" && std::ranges::find(known, "cuda") != known.end();  // nearer to cpu by letters
  if (means_cuda) return "did you mean cuda?";
  const std::string lower = lower_case(without_invisible(name.substr(0, kLongest)));
  const auto distance = [&](const std::string& other) { return edit_distance(lower, lower_case(other)); };
  const auto alike = [&](const std::string& other) { return begin_alike(lower, lower_case(other)); };
  const auto nearest = std::ranges::min_element(known, {}, distance);
  if (distance(*nearest) <= std::max<std::size_t>(1, name.size() / 3)) return "did you mean " + *nearest + "?";
  if (std::ranges::count_if(known, alike) == 1) return "did you mean " + *std::ranges::find_if(known, alike) + "?";
  return known.size() == 1 ? "only " + known[0] + " is known" : "one of " + join(known);
}

std::vector<std::string> nearest(std::string_view name, std::vector<std::string> known, std::size_t count) {
  const std::string lower = lower_case(without_invisible(name.substr(0, kLongest)));
  std::ranges::sort(known);
  std::ranges::stable_sort(known, {}, [&](const std::string& other) {
    const std::string theirs = lower_case(other);
    return std::pair(!begin_alike(lower, theirs), edit_distance(lower, theirs));
  });
  known.resize(std::min(known.size(), count));
  return known;
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t start = 0;;) {
    const std::size_t end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end - start));
    if (end == text.npos) return parts;
    start = end + 1;
  }
}

}  // namespace qrun::config
