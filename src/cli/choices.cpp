#include "cli/choices.h"

#include "config/yaml/names.h"

namespace qrun {

std::string one_of(std::vector<std::string> names) {
  const std::string last = names.back();
  names.pop_back();
  return names.empty() ? last : config::join(names) + " or " + last;
}

}  // namespace qrun
