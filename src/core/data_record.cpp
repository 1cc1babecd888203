#include "core/data_record.h"

namespace qrun {

std::string to_string(const Contents& contents) {
  return std::to_string(contents.items) + " items of " + to_string(contents.shape) + " in " +
         std::to_string(contents.classes) + " classes (hash " + contents.hash + ")";
}

}  // namespace qrun
