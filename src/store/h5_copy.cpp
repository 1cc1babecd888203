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

bool Group::copy_set(const std::string& name, const Group& to) const {
  const Handle set = open_set(name);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  if (!type || !space) fail(name, "is not a readable data set");
  if (has_references(type)) return false;
  const bool is_length = stored_bytes(name, set) == 0 && is_scale(name);  // it may be longer than memory
  if (!has_shape(name) || is_length) {
    (void)to.create_set(name, type.get(), space, Storage::kPlain);
    return true;
  }
  check_own_values(name, set);
  const std::size_t count = readable_count(name, set, 1);
  Values values(type, space, count);
  read_raw(name, set, type.get(), values.data());
  to.write_raw(name, type.get(), values.data(), static_cast<std::int64_t>(count), dims(name), Storage::kCompressed);
  return true;
}

bool Group::copy_type(const std::string& name, const Group& to) const {
  const Handle type(H5Topen2(id(), name.c_str(), H5P_DEFAULT), H5Tclose);
  if (!type) fail(name, "is not a readable type");
  if (has_references(type)) return false;
  const Handle copy(H5Tcopy(type.get()), H5Tclose);
  if (H5Tcommit2(to.id(), name.c_str(), copy.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) < 0)
    fail(name, "cannot copy: " + reason());
  return true;
}

bool Group::copy_attribute(const std::string& name, const Group& to) const {
  const Handle from(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(from ? H5Aget_type(from.get()) : -1, H5Tclose);
  const Handle space(from ? H5Aget_space(from.get()) : -1, H5Sclose);
  if (!type || !space) fail(name, "cannot read attribute: " + reason());
  if (has_references(type)) return false;
  Values values(type, space, attribute_count(name, from));
  if (!values.empty()) attribute_read(name, from, type.get(), values.data());
  const Handle copy(H5Acreate2(to.id(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!copy || (!values.empty() && H5Awrite(copy.get(), type.get(), values.data()) < 0))
    fail(name, "cannot copy attribute: " + reason());
  return true;
}

std::vector<Link> Group::links() const {
  std::vector<Link> result = bare_links();
  for (Link& link : result) {
    if (link.type == H5L_TYPE_SOFT || link.type == H5L_TYPE_EXTERNAL) read_target(link);
  }
  return result;
}

void Group::read_target(Link& link) const {
  H5L_info_t info{};
  if (H5Lget_info(id(), link.name.c_str(), &info, H5P_DEFAULT) < 0) fail(link.name, "cannot read: " + reason());
  std::string value(info.u.val_size, '\0');
  if (H5Lget_val(id(), link.name.c_str(), value.data(), value.size(), H5P_DEFAULT) < 0)
    fail(link.name, "cannot read: " + reason());
  if (link.type == H5L_TYPE_SOFT) {
    link.path = value.substr(0, value.find('\0'));
    return;
  }
  const char* file = nullptr;
  const char* path = nullptr;
  if (H5Lunpack_elink_val(value.data(), value.size(), nullptr, &file, &path) < 0)
    fail(link.name, "cannot read: " + reason());
  link.file = file;
  link.path = path;
}

bool Group::link(const Link& link) const {
  const char* name = link.name.c_str();
  herr_t made = -1;
  if (link.type == H5L_TYPE_SOFT) {
    made = H5Lcreate_soft(link.path.c_str(), id(), name, H5P_DEFAULT, H5P_DEFAULT);
  } else if (link.type == H5L_TYPE_EXTERNAL) {
    made = H5Lcreate_external(link.file.c_str(), link.path.c_str(), id(), name, H5P_DEFAULT, H5P_DEFAULT);
  } else {
    return false;
  }
  if (made < 0) fail(link.name, "cannot link: " + reason());
  return true;
}

void Group::link_object(const std::string& name, const std::string& path) const {
  if (H5Lcreate_hard(id(), path.c_str(), id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0)
    fail(name, "cannot link: " + reason());
}

}  // namespace qrun::h5
