// The largest of what is counted in a layer.
#pragma once

#include <cstdint>

namespace qrun::config {
inline constexpr std::uint64_t kMaxSize = 1 << 20;
}
