#include "runner/stored_blob.h"

#include <algorithm>

namespace qrun {

const StoredBlob* find_stored(const RunRecord& record, const Blob& blob) {
  const auto at = std::ranges::find(record.weights, blob.address(), &StoredBlob::address);
  return at == record.weights.end() || at->dims != blob.dims ? nullptr : &*at;
}

}  // namespace qrun
