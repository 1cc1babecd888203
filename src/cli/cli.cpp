#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <new>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/command_list.h"
#include "cli/engines.h"
#include "cli/process.h"
#include "config/yaml/names.h"
#include "core/error.h"
#include "core/text.h"
#include "store/h5.h"

namespace qrun {
namespace {

std::vector<Command> commands() {
  std::vector<Command> all;
  for (const auto& command : kCommands) all.push_back(command());
  std::ranges::sort(all, {}, &Command::order);
  return all;
}

/// `qrun CONFIG ...` means `qrun run CONFIG ...`: true where the arguments name no command themselves.
bool means_run(const std::vector<std::string>& arguments, const std::vector<Command>& commands) {
  if (arguments.empty()) return false;
  const std::string& first = arguments.front();
  const bool asks = first == "-h" || first == "--help" || first == "--version";
  return !asks && std::ranges::find(commands, first, &Command::name) == commands.end();
}

/// The command that was meant by a word which is no file, or nothing.
std::string meant_command(const std::string& word, const std::vector<Command>& commands) {
  std::error_code ignored;
  if (word.empty() || word.find_first_of("./") != word.npos || word.starts_with('-') ||
      std::filesystem::exists(word, ignored))
    return "";
  std::vector<std::string> names;
  for (const Command& command : commands) names.emplace_back(command.name);
  const std::string suggestion = config::suggest(word, names);
  return suggestion.starts_with("did you mean") ? suggestion : "";
}

int report(const std::string& message, int code) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return code;
}

/// Reports as one line what is not a list of mistakes.
int report_line(const std::string& message, int code) {
  constexpr std::size_t kMost = 1000;
  return report("qrun: " + legible(message, kMost), code);
}

struct ForeignOption {
  std::string_view name, instead;
};

/// What users of Hydra try, and what does it here.
constexpr std::array<ForeignOption, 6> kOfHydra = {{
    {"-m", "a comma list is a sweep by itself, such as vars.w_bits=1,2,4"},
    {"--multirun", "a comma list is a sweep by itself, such as vars.w_bits=1,2,4"},
    {"-c", "qrun check CONFIG --print shows the configuration"},
    {"--cfg", "qrun check CONFIG --print shows the configuration"},
    {"-cn", "the configuration is the first argument: qrun CONFIG"},
    {"--config-name", "the configuration is the first argument: qrun CONFIG"},
}};

/// The mistake, or what is written here instead of an option that is another program's.
std::string explain(const std::vector<std::string>& arguments, const CLI::ParseError& error) {
  for (const ForeignOption& option : kOfHydra) {
    const auto is_it = [&](const std::string& a) { return a.substr(0, a.find('=')) == option.name; };
    if (std::ranges::any_of(arguments, is_it)) return fmt::format("{} is no option; {}", option.name, option.instead);
  }
  return std::string(error.what()) + "; see qrun --help";
}

int act(const Action& action) {
  try {
    h5::start();
    return action();
  } catch (const ConfigError& error) {
    return report(error.what(), kUsage);
  } catch (const EnvironmentError& error) {
    return report_line(error.what(), kEnvironment);
  } catch (const std::filesystem::filesystem_error& error) {
    return report_line("cannot use " + error.path1().string() + ": " + error.code().message(), kEnvironment);
  } catch (const std::bad_alloc&) {
    return report_line("out of memory; use a smaller batch_size or network", kEnvironment);
  } catch (const std::system_error& error) {
    return report_line(error.what(), kEnvironment);
  } catch (const std::exception& error) {
    return report_line(error.what(), kRunFailed);
  }
}

}  // namespace

int cli_main(int argc, char** argv) {
  settle_process();
  CLI::App app(
      "Quantization-aware training: one YAML file in, metrics and integer weights in HDF5 out.\n"
      "`qrun CONFIG` is short for `qrun run CONFIG`.",
      "qrun");
  app.footer("Example: qrun configs/smoke.yaml\nEach command has --help of its own.");
  app.set_version_flag("--version", version_text);
  Action action;
  const std::vector<Command> all = commands();
  for (const Command& command : all) command.add_options(*app.add_subcommand(command.name, command.about), action);

  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (means_run(arguments, all)) {
    if (const std::string meant = meant_command(arguments[0], all); !meant.empty())
      return report_line(arguments[0] + " is neither a command nor a file; " + meant, kUsage);
    arguments.insert(arguments.begin(), "run");
  }
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::Success& success) {
    return act([&] {
      std::ostringstream text;
      app.exit(success, text);
      print(text.str());
      return kAllComplete;
    });
  } catch (const CLI::ParseError& error) {
    return report_line(explain(arguments, error), kUsage);
  }
  if (!action) return report("qrun: a configuration or a command is missing; see qrun --help", kUsage);
  return act(action);
}

}  // namespace qrun
