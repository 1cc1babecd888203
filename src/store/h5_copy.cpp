// Copies between files, by reading and writing: HDF5's own copy crashes on a data set with a text among more than eight
// attributes, and on damaged ones.
#include "core/error.h"
#include "store/h5.h"

namespace qrun::h5 {
namespace {

/// Values of any type; texts and lists of any length lie elsewhere in memory and go with them.
class Values {
 public:
  Values(const Handle& type, const Handle& space, std::size_t count)
      : type_(type), space_(space), bytes_(count * H5Tget_size(type.get())) {}
  ~Values() {
    if (!bytes_.empty()) H5Dvlen_reclaim(type_.get(), space_.get(), H5P_DEFAULT, bytes_.data());
  }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  [[nodiscard]] void* data() { return bytes_.data(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  const Handle& type_;
  const Handle& space_;
  std::vector<std::byte> bytes_;
};

/// Addresses in a file lead nowhere in another.
bool has_references(const Handle& type) { return H5Tdetect_class(type.get(), H5T_REFERENCE) != 0; }

}  // namespace

void Group::copy_set(const std::string& name, const Group& to) const {
  const Handle set = open_set(name);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  if (!type || !space) fail(name, "is not a readable data set");
  if (has_references(type) || !has_shape(name)) return;
  check_own_values(name, set);
  const std::size_t count = readable_count(name, set, 1);
  Values values(type, space, count);
  read_raw(name, set, type.get(), values.data());
  to.write_raw(name, type.get(), values.data(), static_cast<std::int64_t>(count), dims(name), Storage::kCompressed);
  object(name).copy_attributes(to.object(name));
}

void Group::copy_attributes(const Group& to) const {
  for (const std::string& attribute : attribute_names()) copy_attribute(attribute, to);
}

void Group::copy_attribute(const std::string& name, const Group& to) const {
  const Handle from(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(from ? H5Aget_type(from.get()) : -1, H5Tclose);
  const Handle space(from ? H5Aget_space(from.get()) : -1, H5Sclose);
  if (!type || !space) fail(name, "cannot read attribute: " + reason());
  if (has_references(type)) return;
  Values values(type, space, attribute_count(name, from));
  if (!values.empty()) attribute_read(name, from, type.get(), values.data());
  const Handle copy(H5Acreate2(to.id(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!copy || (!values.empty() && H5Awrite(copy.get(), type.get(), values.data()) < 0))
    fail(name, "cannot copy attribute: " + reason());
}

}  // namespace qrun::h5
