// A stretch of positions.
#pragma once

namespace qrun {

/// Positions from `begin` up to, but not at, `end`.
template <class Int>
struct Span {
  Int begin, end;
};

}  // namespace qrun
