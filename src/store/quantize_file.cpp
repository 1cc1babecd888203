#include "store/quantize_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

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

/// Ties between data sets and their scales are addresses: they are made anew.
bool ties_scales(const std::string& attribute) {
  return attribute == "DIMENSION_LIST" || attribute == "REFERENCE_LIST";
}

/// What HDF5 and netCDF say of dimensions goes with the codes, which have them.
bool tells_of_dimensions(const std::string& attribute) {
  return attribute == "DIMENSION_LABELS" || attribute == "_Netcdf4Coordinates" || attribute == "_Netcdf4Dimid";
}

/// A group of what was measured, or what a quantizer learned: numbers that are no weights.
bool is_copied(const h5::Group& from, const std::string& name) {
  const bool was_measured = name == "statistics" || name == "metrics";
  return name == "learned" || (was_measured && from.path() == "/");
}

std::string path_of(const h5::Group& group, const std::string& name) {
  return (group.path() == "/" ? "" : group.path()) + "/" + name;
}

std::filesystem::path folder_of(const std::string& file) {
  return std::filesystem::weakly_canonical(std::filesystem::absolute(file).parent_path());
}

/// Goes through a file once and writes the other one.
class Walk {
 public:
  Walk(const h5::Group& from, const h5::Group& to, const QuantSettings& settings)
      : root_(from),
        target_(to),
        settings_(settings),
        folder_(folder_of(from.file())),
        new_folder_(folder_of(to.file())) {}

  QuantizedFile run() && {
    made_.emplace(root_.address("."), "/");
    copy_attributes(root_, target_, nullptr);
    walk(root_, target_, false);
    for (const Labelled& set : labelled_) attach(set);
    return std::move(result_);
  }

 private:
  /// A data set of the new file, and where in the old one the scales of its dimensions lie.
  struct Labelled {
    std::string path, old_path;
    std::vector<std::vector<haddr_t>> scales;
  };

  void walk(const h5::Group& from, const h5::Group& to, bool copied) {
    for (const h5::Link& link : from.links()) {
      if (link.type != H5L_TYPE_HARD) {
        if (!to.link(from_here(link))) leave_out(from, link.name, "a link that only its own program can follow");
      } else if (const auto at = made_.find(from.address(link.name)); at != made_.end()) {
        to.link_object(link.name, at->second);
      } else {
        take(from, link.name, to, copied);
      }
    }
  }

  /// An external link starts where its file lies: what it leads to is the same from where the new one will.
  [[nodiscard]] h5::Link from_here(h5::Link link) const {
    if (link.type == H5L_TYPE_EXTERNAL && std::filesystem::path(link.file).is_relative() && folder_ != new_folder_)
      link.file = (folder_ / link.file).lexically_proximate(new_folder_).string();
    return link;
  }

  void take(const h5::Group& from, const std::string& name, const h5::Group& to, bool copied) {
    const h5::Group object = from.object(name);
    if (from.is_group(name)) {
      const h5::Group made = to.create(name);
      made_.emplace(from.address(name), made.path());
      copy_attributes(object, made, nullptr);
      walk(object, made, copied || is_copied(from, name));
    } else if (!from.is_set(name)) {
      if (!from.copy_type(name, to)) return leave_out(from, name, kReferences);
      made_.emplace(from.address(name), path_of(to, name));
      copy_attributes(object, to.object(name), nullptr);
    } else if (!copied && from.kind(name) == h5::Kind::kReal && from.has_shape(name) && !from.is_scale(name)) {
      quantize(from, name, to);
    } else {
      copy_set(from, name, to);
    }
  }

  void quantize(const h5::Group& from, const std::string& name, const h5::Group& to) {
    result_.sets.push_back(quantize_set(from, name, to, settings_));
    made_.emplace(from.address(name), path_of(to, name));
    const h5::Group group = to.open(name);
    const h5::Group codes = group.object("codes");
    copy_attributes(from.object(name), group, &codes);
    if (!remember_scales(from, name, codes.path())) label(group);
  }

  void copy_set(const h5::Group& from, const std::string& name, const h5::Group& to) {
    if (!from.copy_set(name, to)) return leave_out(from, name, kReferences);
    made_.emplace(from.address(name), path_of(to, name));
    copy_attributes(from.object(name), to.object(name), nullptr);
    (void)remember_scales(from, name, path_of(to, name));
  }

  /// Codes have dimension scales whether the values had some or not.
  static void label(const h5::Group& group) {
    std::vector<std::string> axes;
    for (std::size_t d = 0; d < group.dims("codes").size(); ++d) axes.push_back("dim_" + std::to_string(d));
    group.label("codes", axes);
  }

  /// False where the data set has no scales.
  bool remember_scales(const h5::Group& from, const std::string& name, const std::string& path) {
    std::vector<std::vector<haddr_t>> scales = from.scales(name);
    if (std::ranges::all_of(scales, [](const auto& of_dimension) { return of_dimension.empty(); })) return false;
    labelled_.push_back({path, path_of(from, name), std::move(scales)});
    return true;
  }

  /// Attaches scales, when all is there: a scale may come behind the data sets that it belongs to.
  void attach(const Labelled& set) {
    for (std::size_t d = 0; d < set.scales.size(); ++d) {
      for (const haddr_t scale : set.scales[d]) {
        const auto at = made_.find(scale);
        if (at == made_.end() || !target_.attach(set.path, static_cast<unsigned>(d), at->second))
          result_.left_out.push_back(set.old_path + ": a dimension scale of its dimension " + std::to_string(d));
      }
    }
  }

  /// Copies attributes: of a data set that is quantized, what tells of its dimensions goes to `codes`.
  void copy_attributes(const h5::Group& from, const h5::Group& to, const h5::Group* codes) {
    for (const std::string& name : from.attribute_names()) {
      const h5::Group& target = codes != nullptr && tells_of_dimensions(name) ? *codes : to;
      if (ties_scales(name)) continue;
      if (target.has_attribute(name)) {
        leave_out_attribute(from, name, "codes have an attribute of this name");
      } else if (from.path() == "/" && name == "format" && is_of_qrun(from)) {
        leave_out_attribute(from, name, "what is written is no file that qrun trains or shows");
      } else if (!from.copy_attribute(name, target)) {
        leave_out_attribute(from, name, kReferences);
      }
    }
  }

  static bool is_of_qrun(const h5::Group& root) {
    try {
      return root.text("format").starts_with("qrun-");
    } catch (const Error&) {  // no text, or not as qrun writes it
      return false;
    }
  }

  void leave_out(const h5::Group& group, const std::string& name, const std::string& why) {
    result_.left_out.push_back(path_of(group, name) + ": " + why);
  }
  void leave_out_attribute(const h5::Group& object, const std::string& name, const std::string& why) {
    result_.left_out.push_back(object.path() + ": attribute " + name + ": " + why);
  }

  static constexpr const char* kReferences = "references, which lead nowhere in another file";

  const h5::Group& root_;
  const h5::Group& target_;
  const QuantSettings& settings_;
  const std::filesystem::path folder_, new_folder_;
  std::map<haddr_t, std::string> made_;  // by where an object lies in the old file: its path in the new one
  std::vector<Labelled> labelled_;
  QuantizedFile result_;
};

}  // namespace

QuantizedFile quantize_file(const std::string& in, const std::string& out, const QuantSettings& settings) {
  std::error_code code;
  if (std::filesystem::equivalent(in, out, code)) throw Error(out + ": input and output are the same file");
  const h5::File source = h5::File::open(in);
  if (std::filesystem::is_regular_file(out, code) && std::filesystem::file_size(out, code) > 0 &&
      H5Fis_hdf5(out.c_str()) <= 0)
    throw Error(out + ": is there and no HDF5 file; choose another name, or remove it");
  h5::File target = h5::File::create(out);
  QuantizedFile result = Walk(source.root(), target.root(), settings).run();
  const std::filesystem::path path(out);
  remove_abandoned(path.parent_path().string(), path.filename().string());
  write_atomically(out, std::move(target).image());
  return result;
}

}  // namespace qrun
