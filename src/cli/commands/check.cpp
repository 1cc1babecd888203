// `qrun check`: what a configuration is, without running it.
#include <fmt/format.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "config/read.h"
#include "core/error.h"
#include "runner/sweep_plan.h"

namespace qrun {
namespace {

void warn(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
}

int check(const std::string& config, const std::vector<std::string>& overrides, bool print_text, bool schema) {
  if (schema) {
    print(config_schema() + "\n");
    return kAllComplete;
  }
  if (config.empty()) throw ConfigError({"command line", 0, 0}, "CONFIG", "is missing; qrun check CONFIG");
  const Sweep sweep = read_config(config, overrides);
  warn(sweep.warnings);
  const SweepPlan plan(sweep.runs, {}, "");
  warn(plan.warnings());
  if (print_text) {
    print(sweep.runs.front().text());
  } else {
    print(fmt::format("{}: ok, {} run{}: {}\n", config, sweep.runs.size(), sweep.runs.size() == 1 ? "" : "s",
                      sweep.runs.front().id()));
  }
  return kAllComplete;
}

void add_options(CLI::App& command, Action& action) {
  struct Options {
    std::string config;
    std::vector<std::string> overrides;
    bool print = false, schema = false;
  };
  auto options = std::make_shared<Options>();
  as_path(command.add_option("CONFIG", options->config, "YAML file"));
  command.add_option("KEY=VALUE", options->overrides, "changes of single values");
  command.add_flag("--print", options->print, "print the resolved configuration; it reads back to the same run");
  command.add_flag("--schema", options->schema, "print the JSON schema of the format");
  command.footer("Example: qrun check configs/lenet_2bit.yaml --print");
  command.callback([options, &action] {
    action = [options] { return check(options->config, options->overrides, options->print, options->schema); };
  });
}

}  // namespace

Command check_command() {
  return {
      .name = "check", .about = "validate a configuration without running it", .order = 2, .add_options = add_options};
}

}  // namespace qrun
