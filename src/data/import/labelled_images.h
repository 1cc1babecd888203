// A set on its way into a database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/shape.h"
#include "data/import/import.h"
#include "data/lmdb.h"

namespace qrun {

/// Images of one shape, all in memory.
struct LabelledImages {
  Shape shape;
  std::vector<std::uint8_t> pixels;  // [items][c][h][w]
  std::vector<std::int32_t> labels;  // [items]

  [[nodiscard]] std::int64_t items() const { return static_cast<std::int64_t>(labels.size()); }
};

/// An item as databases hold it: a Datum.
[[nodiscard]] std::string to_value(const Shape& shape, const std::uint8_t* pixels, std::int32_t label);

/// Puts both databases in their places. Throws EnvironmentError.
void replace_both(NewLmdb& train, NewLmdb& test);

/// Writes `to`/train_lmdb and `to`/test_lmdb. Throws EnvironmentError; what was there stays until both are whole.
std::vector<Imported> write_sets(const std::string& to, const LabelledImages& train, const LabelledImages& test);

}  // namespace qrun
