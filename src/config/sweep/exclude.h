// `exclude:` of a sweep: which of its points are dropped.
#pragma once

#include <string>
#include <vector>

#include "config/sweep/sweep.h"
#include "config/yaml/values.h"

namespace qrun::config {

/// Drops the points that match all of an entry. An entry that matches none is named in the warnings of `points`.
void drop_excluded(const Value& exclude, Points& points);

}  // namespace qrun::config
