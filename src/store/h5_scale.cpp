// Dimension scales: the names of the dimensions of data sets, found as netCDF finds them (NetCDF-4 format
// specification, "Dimensions"): in the group of the data set, then in those above it.
#include <fmt/format.h>
#include <hdf5_hl.h>

#include "core/error.h"
#include "store/h5.h"

namespace qrun::h5 {
namespace {

constexpr std::size_t kLongestClass = 16;  // DIMENSION_SCALE and its zero byte

/// The data set of this name, if it is one and has this many values in a row.
Handle open_row(hid_t group, const std::string& name, std::int64_t length) {
  Handle set(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle space(set ? H5Dget_space(set.get()) : -1, H5Sclose);
  if (!space || H5Sget_simple_extent_ndims(space.get()) != 1) return {};
  const bool fits = H5Sget_simple_extent_npoints(space.get()) == length;
  return fits ? std::move(set) : Handle();
}

std::string parent_of(const std::string& path) {
  const std::size_t end = path.rfind('/');
  return end == 0 ? "/" : path.substr(0, end);
}

}  // namespace

void Group::axis(const std::string& name, std::int64_t length) const {
  const auto extent = static_cast<hsize_t>(length);
  const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose);
  const Handle set = create_set(name, H5T_NATIVE_INT8, space, Storage::kPlain);
  // By these words readers know that there are no values.
  const std::string words = fmt::format("This is a netCDF dimension but not a netCDF variable.{:10}", length);
  if (H5DSset_scale(set.get(), words.c_str()) < 0) fail(name, "cannot make it a dimension scale: " + reason());
}

bool Group::is_scale(const std::string& name) const {
  const Handle set = open_set(name);
  const Handle attribute(H5Aopen(set.get(), "CLASS", H5P_DEFAULT), H5Aclose);
  const Handle type(attribute ? H5Aget_type(attribute.get()) : -1, H5Tclose);
  // HDF5's own function trusts these.
  if (!type || H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0) return false;
  if (H5Tget_size(type.get()) > kLongestClass || attribute_count(name, attribute) != 1) return false;
  return H5DSis_scale(set.get()) > 0;
}

Handle Group::find_scale(const std::string& name, std::int64_t length) const {
  if (Handle own = open_row(id(), name, length)) {
    if (!is_scale(name) && H5DSset_scale(own.get(), name.c_str()) < 0)
      fail(name, "cannot make it a dimension scale: " + reason());
    return own;
  }
  for (std::string path = path_; path != "/";) {
    path = parent_of(path);
    const Group above({H5Gopen2(id(), path.c_str(), H5P_DEFAULT), H5Gclose}, file_, path);
    Handle scale = open_row(above.id(), name, length);
    if (scale && above.is_scale(name)) return scale;
  }
  return {};
}

void Group::label(const std::string& name, const std::vector<std::string>& axes) const {
  const Dims extents = dims(name);
  QRUN_CHECK(axes.size() == extents.size(), path_of(name) + " has not as many dimensions as names for them");
  const Handle set = open_set(name);
  for (std::size_t d = 0; d < axes.size(); ++d) {
    std::string axis_name = axes[d];
    Handle scale = find_scale(axis_name, extents[d]);
    while (!scale && H5Lexists(id(), axis_name.c_str(), H5P_DEFAULT) > 0) {  // taken: a layer is called so
      axis_name += '_';
      scale = find_scale(axis_name, extents[d]);
    }
    if (!scale) {
      axis(axis_name, extents[d]);
      scale = find_scale(axis_name, extents[d]);
    }
    if (axis_name != name && H5DSattach_scale(set.get(), scale.get(), static_cast<unsigned>(d)) < 0)
      fail(name, "cannot attach its dimension scale: " + reason());
  }
}

std::vector<std::vector<haddr_t>> Group::scales(const std::string& name) const {
  const Handle set = open_set(name);
  const Handle attribute(H5Aopen(set.get(), "DIMENSION_LIST", H5P_DEFAULT), H5Aclose);
  const Handle type(attribute ? H5Aget_type(attribute.get()) : -1, H5Tclose);
  if (!type || !has_shape(name) || H5Tget_class(type.get()) != H5T_VLEN) return {};
  const Handle item(H5Tget_super(type.get()), H5Tclose);
  if (H5Tequal(item.get(), H5T_STD_REF_OBJ) <= 0) return {};
  const std::size_t rank = dims(name).size();
  if (attribute_count(name, attribute) != rank) return {};
  std::vector<hvl_t> lists(rank);
  attribute_read(name, attribute, type.get(), lists.data());
  std::vector<std::vector<haddr_t>> result;
  for (const hvl_t& list : lists) {
    const auto* first = static_cast<const hobj_ref_t*>(list.p);  // a reference is an address
    result.emplace_back(first, first + list.len);
  }
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, lists.data());
  return result;
}

bool Group::attach(const std::string& set, unsigned dimension, const std::string& scale) const {
  if (!is_set(set) || !is_set(scale) || !is_scale(scale)) return false;
  return H5DSattach_scale(open_set(set).get(), open_set(scale).get(), dimension) >= 0;
}

}  // namespace qrun::h5
