#include "store/quantize_file.h"

#include <cmath>
#include <filesystem>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "quant/measure.h"
#include "store/blob_io.h"
#include "store/h5.h"

namespace qrun {
namespace {

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

/// Fails at the second link to a group: a cycle of links would never end.
void check_new(const h5::Group& from, const std::string& name, std::set<haddr_t>& seen) {
  H5O_info_t info{};
  if (H5Oget_info_by_name2(from.id(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
    from.fail(name, "cannot read: " + h5::reason());
  if (!seen.insert(info.addr).second) from.fail(name, "is a second link to the same group; remove one");
}

/// A group of what was measured, or what a quantizer learned: numbers that are no weights.
bool is_copied(const h5::Group& from, const std::string& name) {
  const bool was_measured = name == "statistics" || name == "metrics";
  return name == "learned" || (was_measured && from.path() == "/");
}

void copy_group(const h5::Group& from, const h5::Group& to, std::set<haddr_t>& seen) {
  from.copy_attributes(to);
  for (const std::string& name : from.names()) {
    if (from.is_group(name)) {
      check_new(from, name, seen);
      copy_group(from.open(name), to.create(name), seen);
    } else if (from.is_set(name)) {
      from.copy_set(name, to);
    }
  }
}

void quantize_group(const h5::Group& from, const h5::Group& to, const QuantSettings& settings, std::set<haddr_t>& seen,
                    std::vector<QuantizedSet>& sets) {
  for (const std::string& name : from.names()) {
    if (from.is_group(name)) {
      check_new(from, name, seen);
      if (is_copied(from, name)) {
        copy_group(from.open(name), to.create(name), seen);
      } else {
        quantize_group(from.open(name), to.create(name), settings, seen, sets);
      }
    } else if (from.kind(name) == h5::Kind::kReal && from.has_shape(name)) {
      sets.push_back(quantize_set(from, name, to, settings));
    } else if (from.is_set(name)) {
      from.copy_set(name, to);
    }
  }
}

}  // namespace

std::vector<QuantizedSet> quantize_file(const std::string& in, const std::string& out, const QuantSettings& settings) {
  std::error_code code;
  if (std::filesystem::equivalent(in, out, code)) throw Error(out + ": input and output are the same file");
  const h5::File source = h5::File::open(in);
  if (std::filesystem::is_regular_file(out, code) && std::filesystem::file_size(out, code) > 0 &&
      H5Fis_hdf5(out.c_str()) <= 0)
    throw Error(out + ": is there and no HDF5 file; choose another name, or remove it");
  h5::File target = h5::File::create(out);
  std::vector<QuantizedSet> sets;
  std::set<haddr_t> seen;
  check_new(source.root(), ".", seen);
  quantize_group(source.root(), target.root(), settings, seen, sets);
  const std::filesystem::path path(out);
  remove_abandoned(path.parent_path().string(), path.filename().string());
  write_atomically(out, std::move(target).image());
  return sets;
}

}  // namespace qrun
