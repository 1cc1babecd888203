// What data a run saw, in run files and checkpoints: /data/train, /data/test, /data/mean, and the root's init_from_hash.
#pragma once

#include <optional>

#include "core/data_record.h"
#include "store/h5.h"

namespace qrun {

void write_data(const h5::Group& root, const DataRecord& data);

/// Returns the record of a run's data; nothing where the file was written before runs recorded them. Throws Error.
[[nodiscard]] std::optional<DataRecord> read_data(const h5::Group& root);

}  // namespace qrun
