// Where the blobs of a plan lie in a run file.
#pragma once

#include "plan/blob.h"
#include "store/run_file.h"

namespace qrun {

/// Returns the blob of this address and shape; nullptr where the file holds none.
[[nodiscard]] const StoredBlob* find_stored(const RunRecord& record, const Blob& blob);

}  // namespace qrun
