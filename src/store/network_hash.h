// One short text for a network, the same in tables of qrun and of its Python package.
#pragma once

#include <string>

#include "store/columns.h"

namespace qrun {

/// Eight hexadecimal digits of the addresses and values below `network`; results/README.md says how they are made.
[[nodiscard]] std::string network_hash(const SharedValues& config);

}  // namespace qrun
