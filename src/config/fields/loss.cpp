#include "config/fields/loss.h"

#include "config/table/field.h"

namespace qrun::config {
namespace {

constexpr auto kLossFields = fields(
    choice<&LossSpec::type>("type", "what is minimised", Role::kShape).required(),
    number<&LossSpec::label_smoothing>("label_smoothing", "share of the target that all classes have in equal parts",
                                       Role::kNumber, kBelowOne));

}  // namespace

void read_loss(const Value& value, LossSpec& loss) {
  if (value.node.is_map()) return read_fields(value, kLossFields, loss);
  if (const auto index = read_choice(value, kLossNames)) loss.type = static_cast<LossType>(*index);
}

void write_loss(const LossSpec& loss, const Writing& to) {
  if (loss.label_smoothing == 0 || !holds(to.roles, Role::kNumber)) return to.sink.text(name_of(loss.type));
  write_fields(kLossFields, loss, to);
}

Node schema_of_loss() { return schema_any_of({schema_of_choice(kLossNames), schema_of(kLossFields.rows)}); }

}  // namespace qrun::config
