// `qrun quantize`: codes for the numbers of any HDF5 file.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/choices.h"
#include "cli/command.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "config/yaml/names.h"
#include "core/enum_names.h"
#include "core/error.h"
#include "quant/all.h"
#include "store/quantize_file.h"

namespace qrun {
namespace {

struct QuantizeOptions {
  std::string in, out, method;
  std::string lambda;  // "": not given
  int bits = 0;        // 0: not given
  bool per_channel = false;
};

/// Returns the names of the methods that the condition holds for.
std::vector<std::string> methods(bool (*condition)(const QuantInfo&) = [](const QuantInfo&) { return true; }) {
  std::vector<std::string> names;
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    if (condition(info)) names.emplace_back(info.name);
  }
  return names;
}

[[noreturn]] void refuse(const std::string& option, const std::string& problem) {
  throw ConfigError({"command line", 0, 0}, option, problem);
}

QuantSettings settings_of(const QuantizeOptions& options) {
  QuantSettings settings;
  settings.method = AllQuantizers::find(options.method);
  if (settings.method == kNoQuantizer) {
    refuse("--method", options.method + " is unknown; one of " + config::join(methods()));
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
  const auto [sets, left_out] = quantize_file(options.in, options.out, settings_of(options));
  for (const std::string& line : left_out) std::fprintf(stderr, "left out: %s\n", line.c_str());
  for (const QuantizedSet& set : sets)
    print(fmt::format("{}: {} values, mean squared error {:.3e}\n", set.path, set.values, set.mean_squared_error));
  print(fmt::format("{}: {} data set{} quantized\n", options.out, sets.size(), sets.size() == 1 ? "" : "s"));
  return kAllComplete;
}

void add_options(CLI::App& command, Action& action) {
  auto options = std::make_shared<QuantizeOptions>();
  const int least = std::ranges::min(AllQuantizers::kInfos, {}, &QuantInfo::min_bits).min_bits;
  const int most = std::ranges::max(AllQuantizers::kInfos, {}, &QuantInfo::max_bits).max_bits;
  as_path(command.add_option("IN", options->in, "HDF5 file"))->required();
  as_path(command.add_option("OUT", options->out, "file to write: data set /a/b becomes the group /a/b with codes"))
      ->required();
  command.add_option("--method", options->method, one_of(methods()))->required();
  command.add_option("--bits", options->bits, fmt::format("{} to {}, as the method allows", least, most));
  command.add_flag("--per-channel", options->per_channel, "own scale and offset for each index of the first dimension");
  command
      .add_option("--lambda", options->lambda,
                  fmt::format("table of {}: {}", one_of(methods([](const QuantInfo& info) { return info.has_lambda; })),
                              one_of(choices<Lambda>())))
      ->check(CLI::IsMember(choices<Lambda>()));
  command.footer(
      "Example: qrun quantize weights.h5 codes.h5 --method ulq --bits 2 --per-channel\nThe groups /statistics and "
      "/metrics, and any called learned, are copied: they hold no weights. So is all that is no float data set.");
  command.callback([options, &action] { action = [options] { return quantize(*options); }; });
}

}  // namespace

Command quantize_command() {
  return {.name = "quantize",
          .about = "quantize every float data set of an HDF5 file",
          .order = 6,
          .add_options = add_options};
}

}  // namespace qrun
