// Where results go, and how much of what the network computes is stored.
#pragma once

#include <cstdint>
#include <string>

#include "config/table/field.h"

namespace qrun {

struct OutputSpec {
  std::string dir = "results";
  std::int64_t activation_samples = 64;
};

namespace config {

inline constexpr auto kOutputFields = fields(
    text<&OutputSpec::dir>("dir", "folder of the results", Role::kOutput),
    integer<&OutputSpec::activation_samples>(
        "activation_samples", "test images whose quantized layer outputs are stored", Role::kSweep, {0, 1000000}));

}  // namespace config
}  // namespace qrun
