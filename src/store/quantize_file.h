// Post-training quantization of a file: every float data set becomes codes.
#pragma once

#include <string>
#include <vector>

#include "quant/quantizer.h"

namespace qrun {

struct QuantizedSet {
  std::string path;
  std::int64_t values = 0;
  double mean_squared_error = 0;  // of the decoded values
};

/// Data set /a/b of `in` becomes the group /a/b of `out` with codes and attributes; per channel along its first
/// dimension. Other data sets are copied. Links and references to elsewhere are left out. Throws Error naming file and
/// data set: not finite, or not readable; EnvironmentError where it can't write. `out` appears whole or not at all.
std::vector<QuantizedSet> quantize_file(const std::string& in, const std::string& out, const QuantSettings& settings);

}  // namespace qrun
