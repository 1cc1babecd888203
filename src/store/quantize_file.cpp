#include "store/quantize_file.h"

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "quant/measure.h"
#include "store/atomic_file.h"
#include "store/blob_io.h"
#include "store/h5.h"

namespace qrun {
namespace {

bool is_float(const h5::Group& group, const std::string& name) {
  const h5::Handle set(H5Dopen2(group.id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  const h5::Handle type(H5Dget_type(set.get()), H5Tclose);
  return H5Tget_class(type.get()) == H5T_FLOAT;
}

QuantizedSet quantize_set(const h5::Group& from, const std::string& name, const h5::Group& to, QuantSettings settings) {
  const h5::Dims dims = from.dims(name);
  const std::vector<float> x = from.read<float>(name);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) from.fail(name, "value " + std::to_string(i) + " is not finite as float32");
  }
  settings.per_channel = settings.per_channel && !dims.empty() && dims[0] > 0;
  const Encoded encoded = encode(x, settings, settings.per_channel ? dims[0] : 1);
  const h5::Group group = to.create(name);
  write_codes(group, settings, {encoded.codes, encoded.params}, dims);
  double squares = 0;
  const std::size_t slice = x.size() / encoded.params.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error =
        static_cast<double>(x[i]) - static_cast<double>(decode(encoded.codes[i], encoded.params[i / slice]));
    squares += error * error;
  }
  return {group.path(), static_cast<std::int64_t>(x.size()), x.empty() ? 0.0 : squares / static_cast<double>(x.size())};
}

void quantize_group(const h5::Group& from, const h5::Group& to, const QuantSettings& settings,
                    std::vector<QuantizedSet>& sets) {
  for (const std::string& name : from.names()) {
    if (from.is_group(name)) {
      quantize_group(from.open(name), to.create(name), settings, sets);
    } else if (is_float(from, name)) {
      sets.push_back(quantize_set(from, name, to, settings));
    } else if (H5Ocopy(from.id(), name.c_str(), to.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0) {
      from.fail(name, "cannot copy it");
    }
  }
}

}  // namespace

std::vector<QuantizedSet> quantize_file(const std::string& in, const std::string& out, const QuantSettings& settings) {
  std::error_code code;
  if (std::filesystem::equivalent(in, out, code)) throw Error(out + ": input and output are the same file");
  std::vector<QuantizedSet> sets;
  const h5::File source = h5::File::open(in);
  write_atomically(out, [&](const std::string& temporary) {
    h5::File target = h5::File::create(temporary);
    quantize_group(source.root(), target.root(), settings, sets);
    std::move(target).finish();
  });
  return sets;
}

}  // namespace qrun
