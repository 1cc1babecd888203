// What a test reports beside loss and accuracy.
#pragma once

#include <cstdint>
#include <vector>

#include "config/table/field.h"
#include "core/error.h"

namespace qrun {

struct MetricsSpec {
  std::vector<std::int64_t> top_k = {1};  // ascending; 1 is the accuracy, which is always there
  Position top_k_position;                // outside text() and id()

  /// The others, of which files have a column each.
  [[nodiscard]] std::vector<std::int64_t> more() const;
};

namespace config {

void read_top_k(MetricsSpec& metrics, const Value& value);
void write_top_k(const MetricsSpec& metrics, const Writing& to);
[[nodiscard]] Node schema_of_top_k();

inline constexpr auto kMetricsFields =
    fields(field<MetricsSpec>("top_k", "an item counts where fewer than k classes beat its label", Role::kSweep)
               .read_by<read_top_k>()
               .written_by<write_top_k>()
               .described_by<schema_of_top_k>()
               .positioned<&MetricsSpec::top_k_position>());

}  // namespace config
}  // namespace qrun
