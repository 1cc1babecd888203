// The loss: its name, or a map with its type and what else it takes.
#pragma once

#include <array>
#include <cstdint>

#include "config/table/row.h"
#include "core/enum_names.h"

namespace qrun {

enum class LossType : std::uint8_t { kSoftmaxCrossEntropy };
inline constexpr std::array kLossNames = {"softmax_cross_entropy"};
constexpr const auto& names_of(LossType /*type*/) { return kLossNames; }
static_assert(names_all_to(LossType::kSoftmaxCrossEntropy));

struct LossSpec {
  LossType type = LossType::kSoftmaxCrossEntropy;
  double label_smoothing = 0;  // share of the target that all classes have in equal parts
  bool operator==(const LossSpec&) const = default;
};

namespace config {

void read_loss(const Value& value, LossSpec& loss);
/// Writes the bare name where nothing else is said.
void write_loss(const LossSpec& loss, const Writing& to);
[[nodiscard]] Node schema_of_loss();

}  // namespace config
}  // namespace qrun
