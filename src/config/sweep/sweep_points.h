// What the points of a sweep may set, and not lose.
#pragma once

#include <vector>

#include "config/sweep/sweep.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// Reports addresses that a point sets twice or in vain, and what holds for a whole sweep.
void check_points(const Node& document, const std::vector<Point>& points, Problems& problems);

/// Reports what holds for a whole sweep and yet refers to a variable that the sweep sets.
void check_whole_sweep(const Node& document, const Node& sweep, Problems& problems);

}  // namespace qrun::config
