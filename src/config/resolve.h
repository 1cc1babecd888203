// From a document and the points of its sweep to runs.
#pragma once

#include <string>
#include <vector>

#include "config/run_spec.h"
#include "config/sweep/sweep.h"
#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// Reads the document of a file, variables filled in; `name` is the run's where the document gives none.
[[nodiscard]] RunSpec read_document(const Node& root, const std::string& name, Problems& problems);

struct Resolved {
  RunSpec run;
  std::string hash;
};

/// The runs of the points, in order. With a mistake they are of no use.
[[nodiscard]] std::vector<Resolved> resolve(const Node& document, const std::vector<Point>& points,
                                            const std::string& name, Problems& problems);

}  // namespace qrun::config
