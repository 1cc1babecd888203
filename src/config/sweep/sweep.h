// The grammar of `sweep:`: from its node to the points, each a set of values at addresses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/yaml/address.h"
#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

inline constexpr std::uint64_t kMostRuns = 100000;
inline constexpr std::size_t kMostValues = 2000000;  // in all points together

/// What one run of the sweep sets, in the order of the axes.
using Point = std::vector<Assignment>;

struct Points {
  std::vector<Point> points;
  std::vector<std::string> warnings;      // `FILE:LINE:COLUMN: ...`
  std::vector<Assignment> only_excluded;  // what `exclude` asks for at addresses that no point has
};

/// The seed that replicates count from, asked for where there are some; nothing where it is wrong (then reported).
using BaseSeed = std::function<std::optional<std::uint64_t>()>;

/// All points, in order: of factors that stand side by side the first is the outermost. Mistakes are reported; then the
/// points are of no use.
[[nodiscard]] Points expand(const Node& sweep, const BaseSeed& base_seed, Problems& problems);

/// Puts an axis of the command line into `sweep.grid`, in place of one at the same address.
/// False where `only_existing` is wanted and the grid has no such axis. A grid that is a variable takes none.
bool put_axis(Node& root, const Assignment& axis, bool only_existing, Problems& problems);

[[nodiscard]] Node schema_of_sweep();

}  // namespace qrun::config
