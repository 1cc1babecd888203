// The types of layers that take several inputs: a struct each, as in layer_types.h.
#pragma once

#include <vector>

#include "config/table/field.h"

namespace qrun {

/// Sum of its inputs, each times its coefficient.
struct AddLayer {
  static constexpr const char* kType = "add";
  static constexpr bool kHasWeight = false;
  static constexpr bool kTakesSeveral = true;
  std::vector<double> coefficients;  // one an input

  static void read_coefficients(AddLayer& add, const config::Value& value);
  static void write_coefficients(const AddLayer& add, const config::Writing& to);
  [[nodiscard]] static config::Node schema_of_coefficients();

  static constexpr auto table() {
    using config::fields, config::Role;
    return fields(config::field<AddLayer>("coefficients", "a factor on each input; default: 1", Role::kShape)
                      .read_by<read_coefficients>()
                      .written_by<write_coefficients>()
                      .described_by<schema_of_coefficients>());
  }
  bool operator==(const AddLayer&) const = default;
};

/// Product of its inputs, value by value.
struct MulLayer {
  static constexpr const char* kType = "mul";
  static constexpr bool kHasWeight = false;
  static constexpr bool kTakesSeveral = true;

  static constexpr config::Table<MulLayer, 0> table() { return {}; }
  bool operator==(const MulLayer&) const = default;
};

/// Largest of its inputs, value by value. The gradient of equal ones goes to the later of the first two, and to a further
/// one only if it is greater.
struct MaxLayer {
  static constexpr const char* kType = "max";
  static constexpr bool kHasWeight = false;
  static constexpr bool kTakesSeveral = true;

  static constexpr config::Table<MaxLayer, 0> table() { return {}; }
  bool operator==(const MaxLayer&) const = default;
};

/// Channels of its inputs, one input behind the other.
struct ConcatLayer {
  static constexpr const char* kType = "concat";
  static constexpr bool kHasWeight = false;
  static constexpr bool kTakesSeveral = true;

  static constexpr config::Table<ConcatLayer, 0> table() { return {}; }
  bool operator==(const ConcatLayer&) const = default;
};

}  // namespace qrun
