// What data a run saw: kept in its file and its checkpoints, and compared with what is there when the run is met again.
#pragma once

#include <cstdint>
#include <string>

#include "core/shape.h"

namespace qrun {

/// What a data set holds, wherever it lies.
struct Contents {
  std::int64_t items = 0;
  Shape shape;               // of an item
  std::int64_t classes = 0;  // the largest label of the hashed items, and one
  std::string hash;          // 32 hex digits; of which items and bytes: data/contents.h
  bool operator==(const Contents&) const = default;
};

/// Returns `600 items of 1x28x28 in 10 classes (hash 0123...)`.
[[nodiscard]] std::string to_string(const Contents& contents);

struct SetRecord {
  Contents contents;
  std::string path;  // as the configuration has it; empty for synthetic digits
  std::int64_t batch_size = 0;
  bool operator==(const SetRecord&) const = default;
};

struct DataRecord {
  SetRecord train, test;
  std::string mean_hash;          // of the mean image; empty where there was none, or it is not known
  std::string init_from_hash;     // of the masters that training began with; empty where there were none
  std::string working_directory;  // where paths start
  bool operator==(const DataRecord&) const = default;
};

}  // namespace qrun
