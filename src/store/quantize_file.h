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

struct QuantizedFile {
  std::vector<QuantizedSet> sets;
  std::vector<std::string> left_out;  // what could not be kept, a line each
};

/// Data set /a/b of `in` becomes the group /a/b of `out` with codes and attributes; per channel along its first
/// dimension. All else is kept: other data sets and dimension scales, attributes (those of /a/b on its group), soft and
/// external links, which are not followed, and hard links, of which the first says how its object is taken. Throws Error
/// naming file and data set: not finite, or not readable; EnvironmentError where it can't write. `out` appears whole or
/// not at all.
QuantizedFile quantize_file(const std::string& in, const std::string& out, const QuantSettings& settings);

}  // namespace qrun
