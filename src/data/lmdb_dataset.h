// A data set in an LMDB: in memory, or read item by item where it is large.
#pragma once

#include <memory>
#include <string>

#include "data/dataset.h"

namespace qrun {

/// Throws Error, with the path, where there is no database, or it is empty, or an item that is read is malformed.
[[nodiscard]] std::shared_ptr<const Dataset> read_lmdb(const std::string& path);

}  // namespace qrun
