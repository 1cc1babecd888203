#include "config/fields/metrics.h"

#include <algorithm>
#include <string>

#include "config/fields/layer_types.h"

namespace qrun {

std::vector<std::int64_t> MetricsSpec::more() const {
  std::vector<std::int64_t> ks = top_k;
  std::erase(ks, 1);
  return ks;
}

namespace config {
namespace {

constexpr IntRange kClasses{1, kMaxSize};

}  // namespace

void read_top_k(MetricsSpec& metrics, const Value& value) {
  if (!value.node.is_list()) return value.fail_kind("a list of numbers of classes is wanted");
  if (value.node.items.empty()) return value.fail("is an empty list; give at least one number, as [1, 5]");
  std::vector<std::int64_t> ks;
  for (std::size_t i = 0; i < value.node.items.size(); ++i) {
    const std::optional<std::uint64_t> read = read_integer(value.item(i), kClasses);
    if (!read) return;
    const auto k = static_cast<std::int64_t>(*read);
    if (std::ranges::find(ks, k) != ks.end()) return value.item(i).fail(std::to_string(k) + " is given twice; once");
    ks.push_back(k);
  }
  std::ranges::sort(ks);
  metrics.top_k = std::move(ks);
}

void write_top_k(const MetricsSpec& metrics, const Writing& to) {
  to.sink.open(Sink::Collection::kList);
  for (const std::int64_t k : metrics.top_k) to.sink.integer(k);
  to.sink.close();
}

Node schema_of_top_k() { return schema_of_list(or_variable(schema_of_integer(kClasses))); }

}  // namespace config
}  // namespace qrun
