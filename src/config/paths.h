// Which values of a configuration are paths, and what may stand in one.
#pragma once

#include <string>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// Reports paths of a file's document, variables filled in, that can't be meant: `$HOME/data` for `${env:HOME}/data`.
/// Stored configurations are not asked: they hold what was meant once.
void check_paths(const Node& document, Problems& problems);

/// Configurations in the folder of `path`, which is none, the nearest first: `lenet_2bit.yaml, lenet_bits.yaml`; or "".
[[nodiscard]] std::string near_configurations(const std::string& path);

}  // namespace qrun::config
