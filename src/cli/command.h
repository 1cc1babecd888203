// What a command of qrun is: it adds its options to the program and says what to do with them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace qrun {

/// Exit codes, as programs that call qrun rely on them.
enum ExitCode : int { kAllComplete = 0, kRunFailed = 1, kUsage = 2, kInterrupted = 3, kEnvironment = 4 };

/// What the chosen command does; returns the exit code.
using Action = std::function<int()>;

/// A command is a file of cli/commands: NAME.cpp defines NAME_command(), and the build lists what is there.
struct Command {
  const char* name;
  const char* about;
  int order;  // among the commands in `qrun --help`
  void (*add_options)(CLI::App& command, Action& action);
};

/// The whole program: parses, acts, and turns errors into lines on stderr and exit codes.
int cli_main(int argc, char** argv);

}  // namespace qrun
