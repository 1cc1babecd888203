// Data sets that lie on the device as a whole; batches are gathered there.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "cuda/memory.h"
#include "engine/feed.h"

namespace qrun::cuda {

class ResidentData {
 public:
  /// The sources of all runs, or nothing if one of them has none. Runs that share a set share its memory.
  static std::optional<ResidentData> of(const std::vector<DataSource>& sources, const Stream& stream);

  [[nodiscard]] const DataSource* sources() const { return device_sources_.data(); }  // [run], on the device
  [[nodiscard]] const std::int32_t* labels(int run) const {                           // on the host
    return sources_[static_cast<std::size_t>(run)].labels;
  }

 private:
  std::vector<DataSource> sources_;
  std::vector<std::pair<const void*, DeviceArray<std::uint8_t>>> bytes_;
  std::vector<std::pair<const void*, DeviceArray<float>>> floats_;  // and means
  std::vector<std::pair<const void*, DeviceArray<std::int32_t>>> labels_;
  DeviceArray<DataSource> device_sources_;
};

}  // namespace qrun::cuda
