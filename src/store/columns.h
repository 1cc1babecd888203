// What tells the runs of one table apart: the values that were swept, and every other one in which they differ. Runs
// that agree in all columns but the seed are replicates, and nothing else is.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/run_file.h"

namespace qrun {

using Values = std::vector<std::pair<std::string, std::string>>;  // dotted address -> YAML text

/// Values of which many runs share the texts: each is kept once, for ever.
using SharedValues = std::vector<std::pair<std::string_view, std::string_view>>;

/// What one run is compared by.
struct RunValues {
  Values swept;
  SharedValues config;  // all that defines the run, as today's reader resolves it; empty where that is not known
  Values origin;        // engine, products and hashes of data, as far as the file names them
};

[[nodiscard]] RunValues values_of(const RunRecord& record);

/// The cells of each run, in one order for all: what was swept first, `seed` among them, then what else differs. A
/// value that only repeats a swept one (`bits: "${w_bits}"`), or that goes with it (a method's own keys), is no column;
/// where not all have the same layers, one column `network` stands for all of them. A run lacks the cells that it has
/// no value for.
[[nodiscard]] std::vector<Values> columns_of(const std::vector<const RunValues*>& runs);

}  // namespace qrun
