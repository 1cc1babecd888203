#include "config/fields/channel_layers.h"

namespace qrun {

void LrnLayer::read_size(LrnLayer& lrn, const config::Value& value) {
  const auto read = config::read_integer(value, {1, config::kMaxSize});
  if (!read) return;
  if (*read % 2 == 0) return value.fail(std::to_string(*read) + " is even and has no middle; use an odd size");
  lrn.size = static_cast<std::int64_t>(*read);
}

std::string LrnLayer::why_no_k(const LrnLayer& /*lrn*/) {
  return "region: within adds 1 to its squares, as Caffe does; leave k out";
}

}  // namespace qrun
