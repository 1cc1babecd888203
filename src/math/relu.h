// The rectifier and its derivative.
#pragma once

#include "core/hd.h"

namespace qrun {

/// max(x, 0). NaN passes: the loss must see it.
QRUN_HD float relu(float x) { return x <= 0.0f ? 0.0f : x; }

/// dx of relu, which its output decides: dy where y > 0, else 0.
QRUN_HD float relu_gradient(float y, float dy) { return y > 0.0f ? dy : 0.0f; }

}  // namespace qrun
