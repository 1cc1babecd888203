#include "runner/stored_blob.h"

#include <algorithm>

namespace qrun {

const StoredBlob* find_stored(const RunRecord& record, const Blob& blob) {
  const std::string name = blob.address().in_layer();
  const auto at = std::ranges::find_if(
      record.weights, [&](const StoredBlob& stored) { return stored.layer == blob.layer && stored.blob == name; });
  return at == record.weights.end() || at->dims != blob.dims ? nullptr : &*at;
}

}  // namespace qrun
