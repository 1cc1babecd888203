// The commands of qrun. Each adds its options to the program and says what to do with them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace qrun {

/// Exit codes, as programs that call qrun rely on them.
enum ExitCode : int { kAllComplete = 0, kRunFailed = 1, kUsage = 2, kInterrupted = 3, kEnvironment = 4 };

/// What the chosen command does; returns the exit code.
using Action = std::function<int()>;

void add_run(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_data(CLI::App& app, Action& action);
void add_show(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_quantize(CLI::App& app, Action& action);
void add_submit(CLI::App& app, Action& action);

/// The whole program: parses, acts, and turns errors into lines on stderr and exit codes.
int cli_main(int argc, char** argv);

}  // namespace qrun
