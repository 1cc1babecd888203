// What assignments have given values to, so that none is lost to a later one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/yaml/address.h"
#include "config/yaml/node.h"

namespace qrun::config {

class GivenValues {
 public:
  struct Lost {
    std::string address;
    Position at;  // of the assignment that gave it
  };

  /// An earlier value of which the assignment would leave nothing: at its address, below it, or, of two patterns or a
  /// pattern and a layer, at all layers. Nothing where there is none; what the assignment gives is known then.
  /// `document` is as the assignment finds it.
  std::optional<Lost> add(const Node& document, const Assignment& assignment);

 private:
  struct Given {
    Position at;
    bool is_axis = false;
    std::vector<std::string> places;  // the address with each layer that its pattern names
  };

  std::map<std::string, Given> given_;  // by the address as it was written
};

}  // namespace qrun::config
