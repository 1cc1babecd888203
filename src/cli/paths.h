// Paths on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace qrun {

/// The option's values are paths: a leading `~` is the home folder, and `$NAME` a mistake where nothing is called so.
CLI::Option* as_path(CLI::Option* option);

}  // namespace qrun
