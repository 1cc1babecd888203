// `exclude:` of a sweep: which of its points are dropped.
#pragma once

#include <string>
#include <vector>

#include "spec/sweep.h"
#include "spec/values.h"

namespace qrun::spec {

/// Drops the points that match all of an entry. An entry that matches none is named in the warnings of `points`.
void drop_excluded(const Value& exclude, Points& points);

}  // namespace qrun::spec
