// `qrun check`: what a configuration is, without running it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "config/read.h"
#include "core/error.h"
#include "data/digits.h"
#include "plan/lower.h"
#include "runner/sweep_plan.h"
#include "store/network_json.h"

namespace qrun {
namespace {

void warn(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
}

struct Options {
  std::string config, input;
  std::vector<std::string> overrides;
  bool print = false, schema = false, network = false;
};

ConfigError mistake(const std::string& key, const std::string& problem) {
  return {{"command line", 0, 0}, key, problem};
}

/// Reads `C,H,W`.
Shape read_shape(const std::string& text) {
  Shape shape;
  int end = 0;
  const bool whole = std::sscanf(text.c_str(), "%ld,%ld,%ld%n", &shape.c, &shape.h, &shape.w, &end) == 3;
  const bool in_range = std::ranges::all_of(std::array{shape.c, shape.h, shape.w}, [](std::int64_t side) {
    return side > 0 && side <= static_cast<std::int64_t>(config::kMaxSize);
  });
  if (whole && in_range && static_cast<std::size_t>(end) == text.size()) return shape;
  throw mistake("--input", text + " is no shape; channels, height and width, as 3,32,32");
}

/// Returns the shape of an image as the network gets it; data is not looked at.
Shape input_of(const RunSpec& run, const std::string& given) {
  if (!given.empty()) return read_shape(given);
  if (run.data.train.synthetic_digits == 0)
    throw mistake("--input", "is missing: without the data nobody knows its shape; --input C,H,W, as 3,32,32");
  return input_shape(run.data, {1, kDigitSize, kDigitSize});
}

int check(const Options& options) {
  if (options.schema) {
    print(config_schema() + "\n");
    return kAllComplete;
  }
  const std::string& config = options.config;
  if (config.empty()) throw mistake("CONFIG", "is missing; qrun check CONFIG");
  const Sweep sweep = read_config(config, options.overrides);
  if (options.network) {
    const RunSpec& run = sweep.runs.front();
    const Shape input = input_of(run, options.input);
    static_cast<void>(lower({run}, {.shape = input}));
    print(network_json(run, input) + "\n");
    return kAllComplete;
  }
  warn(sweep.warnings);
  const SweepPlan plan(sweep.runs, {}, "");
  warn(plan.warnings());
  if (options.print) {
    print(sweep.runs.front().text());
  } else {
    print(fmt::format("{}: ok, {} run{}: {}\n", config, sweep.runs.size(), sweep.runs.size() == 1 ? "" : "s",
                      sweep.runs.front().id()));
  }
  return kAllComplete;
}

void add_options(CLI::App& command, Action& action) {
  auto options = std::make_shared<Options>();
  as_path(command.add_option("CONFIG", options->config, "YAML file"));
  command.add_option("KEY=VALUE", options->overrides, "changes of single values");
  command.add_flag("--print", options->print, "print the resolved configuration; it reads back to the same run");
  command.add_flag("--schema", options->schema, "print the JSON schema of the format");
  command.add_flag("--network", options->network,
                   "print shapes, parameters and costs of each layer as JSON, as run files hold them");
  command.add_option("--input", options->input, "C,H,W of an image, for --network, which looks at no data");
  command.footer("Example: qrun check configs/lenet_2bit.yaml --print");
  command.callback([options, &action] { action = [options] { return check(*options); }; });
}

}  // namespace

Command check_command() {
  return {
      .name = "check", .about = "validate a configuration without running it", .order = 2, .add_options = add_options};
}

}  // namespace qrun
