// Accuracies of tests by `metrics.top_k`, beside the accuracy itself, and their names in files: made and parsed here.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qrun {

/// Shares of the test items whose label fewer than k classes beat.
struct TopAccuracy {
  std::int64_t k = 0;
  std::vector<double> tests;                                     // one a test; NaN where it was not asked for
  double final_test = std::numeric_limits<double>::quiet_NaN();  // of a complete run
};

/// `ranks` [item]: how many classes beat the label.
[[nodiscard]] inline double top_accuracy(std::span<const std::int32_t> ranks, std::int64_t k) {
  const auto right = std::ranges::count_if(ranks, [k](std::int32_t rank) { return rank < k; });
  return static_cast<double>(right) / static_cast<double>(ranks.size());
}

inline constexpr std::string_view kTopPrefix = "accuracy_top";

/// `accuracy_top5`.
[[nodiscard]] inline std::string top_name(std::int64_t k) { return std::string(kTopPrefix) + std::to_string(k); }

/// Returns the k of such a name; nothing where it is another.
[[nodiscard]] inline std::optional<std::int64_t> parse_top_name(std::string_view name) {
  if (!name.starts_with(kTopPrefix)) return std::nullopt;
  name.remove_prefix(kTopPrefix.size());
  std::int64_t k = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), k);
  if (error != std::errc() || end != name.data() + name.size() || k < 2) return std::nullopt;
  return k;
}

/// Of the final test: `final_test_accuracy_top5`.
[[nodiscard]] inline std::string final_top_name(std::int64_t k) { return "final_test_" + top_name(k); }

}  // namespace qrun
