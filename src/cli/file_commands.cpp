// The commands that look at configurations and files: check, eval, quantize.
#include <fmt/format.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/engines.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "config/read.h"
#include "core/enum_names.h"
#include "core/error.h"
#include "core/log.h"
#include "quant/all.h"
#include "runner/evaluate.h"
#include "runner/sweep_plan.h"
#include "store/quantize_file.h"

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

/// Other engines and instruction sets add in another order, which may turn a close call.
std::unique_ptr<Engine> engine_that_trained(const std::string& file, int threads) {
  const RunRecord record = read_run(file, ReadDepth::kSummary);
  if (record.engine == "cuda") return make_engine({EngineChoice::kAuto, threads});
  return make_engine({EngineChoice::kCpu, threads, last_instruction_set(record)});
}

int eval(const std::string& file, int threads) {
  set_up_log(LogLevel::kQuiet, "");
  const std::unique_ptr<Engine> engine = engine_that_trained(file, threads);
  const Evaluation result = evaluate(file, *engine);
  print(fmt::format("{}: test accuracy={:.4f}, loss={:.4f}, {} of {} predictions differ from the stored ones\n", file,
                    result.accuracy, result.loss, result.differing, result.items));
  return result.differing == 0 ? kAllComplete : kRunFailed;
}

struct QuantizeOptions {
  std::string in, out, method;
  std::string lambda;  // "": not given
  int bits = 0;        // 0: not given
  bool per_channel = false;
};

[[noreturn]] void refuse(const std::string& option, const std::string& problem) {
  throw ConfigError({"command line", 0, 0}, option, problem);
}

QuantSettings settings_of(const QuantizeOptions& options) {
  QuantSettings settings;
  settings.method = AllQuantizers::find(options.method);
  if (settings.method == kNoQuantizer) {
    std::string known;
    for (const QuantInfo& info : AllQuantizers::kInfos) known += (known.empty() ? "" : ", ") + std::string(info.name);
    refuse("--method", options.method + " is unknown; one of " + known);
  }
  const QuantInfo& info = AllQuantizers::kInfos[settings.method];
  settings.bits = options.bits == 0 ? info.fixed_bits : options.bits;
  if (settings.bits == 0) refuse("--bits", fmt::format("is missing; {} to {}", info.min_bits, info.max_bits));
  if (!options.lambda.empty() && !info.has_lambda)
    refuse("--lambda", std::string("does not belong to ") + info.name + "; leave it out");
  if (settings.bits < info.min_bits || settings.bits > info.max_bits) {
    refuse("--bits",
           fmt::format("{} is outside [{}, {}] for {}", options.bits, info.min_bits, info.max_bits, info.name));
  }
  settings.per_channel = options.per_channel;
  settings.lambda = find_named<Lambda>(options.lambda).value_or(Lambda::kOriginal);
  return settings;
}

int quantize(const QuantizeOptions& options) {
  const std::vector<QuantizedSet> sets = quantize_file(options.in, options.out, settings_of(options));
  for (const QuantizedSet& set : sets)
    print(fmt::format("{}: {} values, mean squared error {:.3e}\n", set.path, set.values, set.mean_squared_error));
  print(fmt::format("{}: {} data set{} quantized\n", options.out, sets.size(), sets.size() == 1 ? "" : "s"));
  return kAllComplete;
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  struct Options {
    std::string config;
    std::vector<std::string> overrides;
    bool print = false, schema = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("check", "validate a configuration without running it");
  as_path(command->add_option("CONFIG", options->config, "YAML file"));
  command->add_option("KEY=VALUE", options->overrides, "changes of single values");
  command->add_flag("--print", options->print, "print the resolved configuration; it reads back to the same run");
  command->add_flag("--schema", options->schema, "print the JSON schema of the format");
  command->footer("Example: qrun check configs/lenet_2bit.yaml --print");
  command->callback([options, &action] {
    action = [options] { return check(options->config, options->overrides, options->print, options->schema); };
  });
}

void add_eval(CLI::App& app, Action& action) {
  struct Options {
    std::string file;
    int threads = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "test a stored network again, from its integer codes alone");
  as_path(command->add_option("RUN", options->file, "run file (.h5)"))->required();
  command->add_option("--threads", options->threads, "default: one a processor")->check(CLI::Range(1, 4096));
  command->footer(
      "Example: qrun eval results/lenet_2bit/run-0123456789ab.h5\nExit code 1 if any prediction differs from the "
      "stored ones.");
  command->callback([options, &action] { action = [options] { return eval(options->file, options->threads); }; });
}

void add_quantize(CLI::App& app, Action& action) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "quantize every float data set of an HDF5 file");
  as_path(command->add_option("IN", options->in, "HDF5 file"))->required();
  as_path(command->add_option("OUT", options->out, "file to write: data set /a/b becomes the group /a/b with codes"))
      ->required();
  command->add_option("--method", options->method, "ulq, ternary, ternary_quantize, dynamic_fixed_point or clip")
      ->required();
  command->add_option("--bits", options->bits, "1 to 16, as the method allows");
  command->add_flag("--per-channel", options->per_channel,
                    "own scale and offset for each index of the first dimension");
  command->add_option("--lambda", options->lambda, "table of ulq: original, paper or optimal")
      ->check(CLI::IsMember(std::vector<std::string>(kLambdaNames.begin(), kLambdaNames.end())));
  command->footer(
      "Example: qrun quantize weights.h5 codes.h5 --method ulq --bits 2 --per-channel\nThe groups /statistics and "
      "/metrics, and any called learned, are copied: they hold no weights.");
  command->callback([options, &action] { action = [options] { return quantize(*options); }; });
}

}  // namespace qrun
