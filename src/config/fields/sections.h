// The sections of a configuration that are maps of plain values.
#pragma once

#include "config/fields/fields.h"
#include "config/run_spec.h"

namespace qrun::config {

// Each list refers to its argument, which outlives it.
[[nodiscard]] Fields data_fields(DataSpec& data);
[[nodiscard]] Fields solver_fields(Solver& solver);
[[nodiscard]] Fields train_fields(TrainSpec& train);
[[nodiscard]] Fields output_fields(OutputSpec& output);
[[nodiscard]] Field cluster_field(std::optional<ClusterSpec>& cluster);

}  // namespace qrun::config
