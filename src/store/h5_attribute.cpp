// The attributes of groups and data sets.
#include "core/error.h"
#include "store/h5.h"

namespace qrun::h5 {
namespace {

constexpr hssize_t kLargestAttribute = hssize_t{1} << 26;  // values

}  // namespace

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void Group::attribute_raw(const std::string& name, hid_t type, const void* values, const Dims& dims) const {
  const std::vector<hsize_t> sizes(dims.begin(), dims.end());
  const Handle space(dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, sizes.data(), nullptr), H5Sclose);
  const Handle attribute(H5Acreate2(id(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!attribute || H5Awrite(attribute.get(), type, values) < 0) fail(name, "cannot write attribute: " + reason());
}

void Group::attribute(const std::string& name, const std::string& text) const {
  const Handle type = text_type();
  const char* pointer = text.c_str();
  attribute_raw(name, type.get(), static_cast<const void*>(&pointer), {});
}

bool Group::has_attribute(const std::string& name) const { return H5Aexists(id(), name.c_str()) > 0; }

std::vector<std::string> Group::attribute_names() const {
  const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  std::vector<std::string> names;
  if (H5Aiterate2(id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, collect, &names) < 0)
    throw Error(file_ + ": " + path_ + ": cannot list attributes: " + reason());
  return names;
}

Handle Group::open_attribute(const std::string& name, H5T_class_t wanted) const {
  if (!has_attribute(name)) fail(name, "attribute is missing");
  Handle attribute(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(attribute ? H5Aget_type(attribute.get()) : -1, H5Tclose);
  if (!type) fail(name, "cannot read attribute: " + reason());
  if (H5Tget_class(type.get()) != wanted) fail(name, "attribute has another type than expected");
  return attribute;
}

Kind Group::attribute_kind(const std::string& name) const {
  const Handle attribute(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(attribute ? H5Aget_type(attribute.get()) : -1, H5Tclose);
  return kind_of(type);
}

std::size_t Group::attribute_count(const std::string& name, const Handle& attribute) const {
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const hssize_t count = space ? H5Sget_simple_extent_npoints(space.get()) : -1;
  if (count < 0 || count > kLargestAttribute) fail(name, "attribute has an impossible size");
  return static_cast<std::size_t>(count);
}

void Group::attribute_read(const std::string& name, const Handle& attribute, hid_t type, void* values) const {
  if (H5Aread(attribute.get(), type, values) < 0) fail(name, "cannot read attribute: " + reason());
}

std::string Group::text(const std::string& name) const {
  const Handle attribute = open_attribute(name, H5T_STRING);
  const Handle stored(H5Aget_type(attribute.get()), H5Tclose);
  if (H5Tis_variable_str(stored.get()) <= 0 || attribute_count(name, attribute) != 1)
    fail(name, "attribute is not one text");
  char* pointer = nullptr;
  attribute_read(name, attribute, text_type().get(), static_cast<void*>(&pointer));
  std::string text(pointer != nullptr ? pointer : "");  // an empty text may come as no text
  H5free_memory(pointer);
  return text;
}

}  // namespace qrun::h5
