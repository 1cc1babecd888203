// Weighted sums.
#pragma once

#include "core/hd.h"

namespace qrun {

/// A summand.
QRUN_HD float scaled(float coefficient, float x) { return coefficient * x; }

/// The sum with one summand more.
QRUN_HD float add_scaled(float sum, float coefficient, float x) { return sum + scaled(coefficient, x); }

}  // namespace qrun
