// Layers as a configuration would give them, for networks made by hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "config/run_spec.h"

namespace qrun {

inline LayerSpec layer(const std::string& name, const std::string& type, const std::string& input,
                       std::map<std::string, std::int64_t> params) {
  LayerSpec spec;
  spec.name = name;
  spec.type = type;
  spec.input = {input};
  spec.params = std::move(params);
  spec.position = {"net.yaml", 7, 3};
  return spec;
}

}  // namespace qrun
