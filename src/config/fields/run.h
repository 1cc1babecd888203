// The top level of a configuration.
#pragma once

#include <string>
#include <vector>

#include "config/run_spec.h"
#include "config/table/row.h"

namespace qrun::config {

/// The fields of a resolved run.
[[nodiscard]] Rows run_rows();
/// Returns run_rows() and the fields that only files have: base, set, vars, quantize, sweep.
[[nodiscard]] Rows file_rows();

/// Addresses of what has one value for a whole sweep; what is in a section of them, too.
[[nodiscard]] const std::vector<std::string>& whole_sweep_addresses();

/// Reads the keys of these rows; `quantize`, which says nothing but of networks, is for apply_patterns().
void read_run(const Node& root, Rows rows, RunSpec& run, Problems& problems);

void write_run(const RunSpec& run, const Writing& to);

}  // namespace qrun::config
