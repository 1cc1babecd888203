// A configuration: it is refused by a ConfigError, or what it says reads back from its canonical text.
#include "config/read.h"
#include "config/sweep/sweep.h"
#include "config/sweep/swept.h"
#include "config/yaml/load.h"
#include "core/error.h"
#include "support.h"

namespace qrun::fuzz {
namespace {

constexpr std::string_view kBase =
    "vars: {w_bits: 2, w_method: ulq}\n"
    "data:\n"
    "  train: {synthetic_digits: 100, batch_size: 10}\n"
    "  test: {synthetic_digits: 50, batch_size: 10}\n"
    "network:\n"
    "  - {name: conv1, type: conv2d, out_channels: 4, kernel_size: 5,\n"
    "     quantize: {weight: {method: \"${w_method}\", bits: \"${w_bits}\"}}}\n"
    "  - {name: score, type: linear, out_features: 10}\n"
    "solver: {lr: 0.01}\n"
    "train: {epochs: 1}\n";

void check_run(const RunSpec& run) {
  const RunSpec back = read_run_text(run.text(), "canonical");
  must_hold(back.text() == run.text(), "canonical text reads back equal");
  must_hold(back.hash() == run.hash(), "and so does its hash");
}

void check_sweep(const Sweep& sweep) {
  const Sweep back = read_config(file_of("back.yaml", sweep.text), {});
  must_hold(back.runs.size() == sweep.runs.size(), "the sweep's text gives as many runs");
  for (std::size_t i = 0; i < sweep.runs.size(); ++i)
    must_hold(back.runs[i].id() == sweep.runs[i].id(), "and the same runs");
}

/// The points of the sweep, before their runs are read.
std::size_t count_points(const std::string& path) {
  config::Problems problems;
  const config::Node document = config::load_document(path, problems);
  const config::Node* sweep = document.find("sweep");
  if (sweep == nullptr) return 1;
  return config::expand(
             fill_in_sweep(document, *sweep, problems), [] { return 0; }, problems)
      .points.size();
}

}  // namespace

void one_input(std::string_view input) {
  static const std::string kBasePath = file_of("base.yaml", kBase);
  const std::string path = file_of("input.yaml", input);
  try {
    if (count_points(path) > kEnoughPoints) return;
    const Sweep sweep = read_config(path, {});
    for (const RunSpec& run : sweep.runs) check_run(run);
    check_sweep(sweep);
  } catch (const ConfigError& error) {
    must_hold(!error.lines().empty(), "a mistake has a line");
  }
}

}  // namespace qrun::fuzz
