#include "cuda/resident_data.h"

#include <algorithm>

namespace qrun::cuda {
namespace {

/// The copy of `n` values on the device, made where there is none yet.
template <class T>
const T* copy_of(const T* values, std::int64_t n, std::vector<std::pair<const void*, DeviceArray<T>>>& copies,
                 const Stream& stream) {
  if (values == nullptr) return nullptr;
  const auto known = std::ranges::find(copies, values, [](const auto& copy) { return copy.first; });
  if (known != copies.end()) return known->second.data();
  DeviceArray<T> copy(n);
  stream.upload(copy.data(), values, n);
  stream.wait();
  copies.emplace_back(values, std::move(copy));
  return copies.back().second.data();
}

}  // namespace

std::optional<ResidentData> ResidentData::of(const std::vector<DataSource>& sources, const Stream& stream) {
  if (sources.empty()) return std::nullopt;
  ResidentData data;
  data.sources_ = sources;
  std::vector<DataSource> device = sources;
  for (DataSource& source : device) {
    const std::int64_t values = source.items * source.transform.in.size();
    source.bytes = copy_of(source.bytes, values, data.bytes_, stream);
    source.floats = copy_of(source.floats, values, data.floats_, stream);
    source.labels = copy_of(source.labels, source.items, data.labels_, stream);
    source.transform.mean = copy_of(source.transform.mean, source.transform.mean_size(), data.floats_, stream);
  }
  data.device_sources_ = DeviceArray<DataSource>(std::ssize(device));
  stream.write(data.device_sources_.data(), device);
  return data;
}

}  // namespace qrun::cuda
