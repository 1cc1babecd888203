// From YAML text to runs: the strict reader of the configuration.
#pragma once

#include <string>
#include <vector>

#include "config/run_spec.h"

namespace qrun {

/// The runs that a configuration expands to, in order.
struct Sweep {
  std::string name;
  OutputSpec output;
  std::vector<RunSpec> runs;  // at least one; distinct, in the order of the sweep
  bool is_sweep = false;
  std::string text;                   // YAML that expands to these runs, without a base or overrides
  std::vector<std::string> warnings;  // `FILE:LINE:COLUMN: KEY: ...`
};

/// Reads `path` and what it is based on, applies overrides `KEY=VALUE` in order, resolves and checks everything that
/// can be known without opening data. Throws ConfigError with a line for each mistake, an unreadable file being
/// one.
[[nodiscard]] Sweep read_config(const std::string& path, const std::vector<std::string>& overrides);

/// Reads canonical text back, as RunSpec::text() writes it and run files store it. `file` names it in messages.
[[nodiscard]] RunSpec read_run_text(const std::string& text, const std::string& file);

/// JSON schema (draft 2020-12) of the configuration format.
[[nodiscard]] std::string config_schema();

}  // namespace qrun
