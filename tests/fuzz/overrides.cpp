// Overrides, one a line, on a small configuration: refused by a ConfigError, or their runs read back.
#include <algorithm>
#include <sstream>
#include <vector>

#include "config/read.h"
#include "config/yaml/address.h"
#include "core/error.h"
#include "support.h"

namespace qrun::fuzz {
namespace {

constexpr std::string_view kConfig =
    "vars: {w_bits: 2}\n"
    "data:\n"
    "  train: {synthetic_digits: 100, batch_size: 10}\n"
    "  test: {synthetic_digits: 50, batch_size: 10}\n"
    "network:\n"
    "  - {name: conv1, type: conv2d, out_channels: 4, kernel_size: 5,\n"
    "     quantize: {weight: {method: ulq, bits: \"${w_bits}\"}}}\n"
    "  - {name: score, type: linear, out_features: 10}\n"
    "solver: {lr: 0.01}\n"
    "train: {epochs: 1}\n"
    "sweep: {grid: {seed: [1, 2]}}\n";

/// Points of the axes among the overrides, before anything is read.
std::size_t count_points(const std::vector<std::string>& overrides) {
  std::size_t points = 1;
  for (const std::string& text : overrides) {
    config::Problems problems;
    const auto assignment = config::parse_override(text, problems);
    if (assignment && assignment->is_axis) points *= std::max<std::size_t>(assignment->value.items.size(), 1);
    if (points > kEnoughPoints) break;
  }
  return points;
}

}  // namespace

void one_input(std::string_view input) {
  static const std::string kPath = file_of("config.yaml", kConfig);
  std::istringstream stream{std::string(input)};
  std::vector<std::string> overrides;
  for (std::string line; std::getline(stream, line);) overrides.push_back(line);
  try {
    if (count_points(overrides) > kEnoughPoints) return;
    for (const RunSpec& run : read_config(kPath, overrides).runs)
      must_hold(read_run_text(run.text(), "canonical").hash() == run.hash(), "canonical text reads back equal");
  } catch (const ConfigError&) {
    return;
  }
}

}  // namespace qrun::fuzz
