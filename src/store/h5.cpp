// Groups and data sets.
#include "store/h5.h"

#include <algorithm>

#include "core/error.h"

namespace qrun::h5 {
namespace {

constexpr std::int64_t kCompressFrom = 1024;                  // values: a filter on less costs more than it saves
constexpr hsize_t kLargestChunk = hsize_t{1} << 18;           // values
constexpr std::int64_t kLargestRead = std::int64_t{1} << 33;  // bytes
constexpr std::int64_t kPlausible = std::int64_t{1} << 24;    // bytes that need no further proof
constexpr std::int64_t kLargestRatio = 1100;                  // gzip packs 1032 bytes into one at best

void keep_attribute_order(const Handle& properties) {
  H5Pset_attr_creation_order(properties.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
}

/// gzip and shuffle for what is worth it, in chunks halved from the first dimension on.
void compress(const Handle& properties, const Dims& dims) {
  if (count_of(dims) < kCompressFrom) return;
  std::vector<hsize_t> chunk(dims.begin(), dims.end());
  auto size = static_cast<hsize_t>(count_of(dims));
  for (hsize_t& extent : chunk) {
    while (size > kLargestChunk && extent > 1) {
      const hsize_t half = (extent + 1) / 2;
      size = size / extent * half;
      extent = half;
    }
  }
  constexpr unsigned kLevel = 4;
  H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
  H5Pset_shuffle(properties.get());
  H5Pset_deflate(properties.get(), kLevel);
}

Handle dataspace(const Dims& dims) {
  if (dims.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> sizes(dims.begin(), dims.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose};
}

Dims dims_of(const Handle& space) {
  std::vector<hsize_t> sizes(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.get())));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

}  // namespace

std::int64_t count_of(const Dims& dims) {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n *= d;
  return n;
}

Kind kind_of(const Handle& type) {
  switch (type ? H5Tget_class(type.get()) : H5T_NO_CLASS) {
    case H5T_INTEGER:
      if (H5Tget_sign(type.get()) == H5T_SGN_NONE) return Kind::kUnsigned;
      return H5Tget_size(type.get()) == 1 ? Kind::kFlag : Kind::kSigned;
    case H5T_FLOAT: return Kind::kReal;
    case H5T_STRING: return Kind::kText;
    default: return Kind::kOther;
  }
}

std::string Group::path_of(const std::string& name) const { return path_ == "/" ? "/" + name : path_ + "/" + name; }

void Group::fail(const std::string& name, const std::string& problem) const {
  throw Error(file_ + ": " + path_of(name) + ": " + problem);
}

Group Group::create(const std::string& name) const {
  const Handle properties(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.get(), false);  // the same content gives the same bytes
  H5Pset_link_creation_order(properties.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  keep_attribute_order(properties);
  Handle group(H5Gcreate2(id(), name.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Gclose);
  if (!group) fail(name, "cannot create: " + reason());
  return {std::move(group), file_, path_of(name)};
}

Group Group::open(const std::string& name) const {
  Group group = object(name);
  if (H5Iget_type(group.id()) != H5I_GROUP) fail(name, "is not a group");
  return group;
}

Group Group::object(const std::string& name) const {
  if (!has(name)) fail(name, "is missing");
  Handle handle(H5Oopen(id(), name.c_str(), H5P_DEFAULT), H5Oclose);
  if (!handle) fail(name, "cannot read: " + reason());
  return {std::move(handle), file_, path_of(name)};
}

bool Group::has(const std::string& name) const {
  H5L_info_t info{};
  return H5Lexists(id(), name.c_str(), H5P_DEFAULT) > 0 && H5Lget_info(id(), name.c_str(), &info, H5P_DEFAULT) >= 0 &&
         info.type == H5L_TYPE_HARD;
}

bool Group::is_group(const std::string& name) const { return H5Iget_type(object(name).id()) == H5I_GROUP; }
bool Group::is_set(const std::string& name) const { return H5Iget_type(object(name).id()) == H5I_DATASET; }

std::vector<Link> Group::bare_links() const {
  const auto collect = [](hid_t, const char* name, const H5L_info_t* info, void* out) -> herr_t {
    static_cast<std::vector<Link>*>(out)->push_back({name, info->type, "", ""});
    return 0;
  };
  std::vector<Link> result;
  if (H5Literate(id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, collect, &result) >= 0) return result;
  result.clear();  // the order is not tracked, or the group is damaged
  if (H5Literate(id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &result) < 0)
    throw Error(file_ + ": " + path_ + ": cannot list: " + reason());
  return result;
}

std::vector<std::string> Group::names() const {
  std::vector<std::string> result;
  for (Link& link : bare_links()) {
    if (link.type == H5L_TYPE_HARD) result.push_back(std::move(link.name));
  }
  return result;
}

haddr_t Group::address(const std::string& name) const {
  H5O_info_t info{};
  if (H5Oget_info_by_name2(id(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
    fail(name, "cannot read: " + reason());
  return info.addr;
}

void Group::write_raw(const std::string& name, hid_t type, const void* values, std::int64_t size, const Dims& dims,
                      Storage storage) const {
  QRUN_CHECK(size == count_of(dims), path_of(name) + " has not as many values as its shape says");
  ask_memory(static_cast<std::size_t>(size) * H5Tget_size(type));
  const Handle set = create_set(name, type, dataspace(dims), storage);
  if (size > 0 && H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    fail(name, "cannot write: " + reason());
}

Handle Group::create_set(const std::string& name, hid_t type, const Handle& space, Storage storage) const {
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.get(), false);
  keep_attribute_order(properties);
  if (storage == Storage::kCompressed) compress(properties, dims_of(space));
  Handle set(H5Dcreate2(id(), name.c_str(), type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Dclose);
  if (!set) fail(name, "cannot write: " + reason());
  return set;
}

Handle Group::open_set(const std::string& name) const {
  if (!has(name)) fail(name, "is missing");
  Handle set(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!set) fail(name, "is not a readable data set");
  return set;
}

Kind Group::kind(const std::string& name) const {
  const Handle set(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  return kind_of({set ? H5Dget_type(set.get()) : -1, H5Tclose});
}

bool Group::has_shape(const std::string& name) const {
  const Handle set(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle space(set ? H5Dget_space(set.get()) : -1, H5Sclose);
  const H5S_class_t shape = space ? H5Sget_simple_extent_type(space.get()) : H5S_NO_CLASS;
  return shape == H5S_SCALAR || shape == H5S_SIMPLE;
}

Dims Group::dims(const std::string& name) const {
  if (!has_shape(name)) fail(name, "is not a readable data set");
  const Handle set = open_set(name);
  return dims_of({H5Dget_space(set.get()), H5Sclose});
}

Handle Group::open_readable(const std::string& name, H5T_class_t wanted) const {
  Handle set = open_set(name);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  if (!type || H5Tget_class(type.get()) != wanted) fail(name, "has another type than expected");
  check_own_values(name, set);
  return set;
}

void Group::check_own_values(const std::string& name, const Handle& set) const {
  const Handle properties(H5Dget_create_plist(set.get()), H5Pclose);
  if (H5Pget_external_count(properties.get()) != 0 || H5Pget_layout(properties.get()) == H5D_VIRTUAL)
    fail(name, "has its values in other files, which are not followed");
}

std::size_t Group::stored_bytes(const std::string& name, const Handle& set) const {
  const Handle file(H5Iget_file_id(set.get()), H5Fclose);
  const hsize_t stored = H5Dget_storage_size(set.get());
  hsize_t whole = 0;
  if (H5Fget_filesize(file.get(), &whole) < 0 || stored > whole) fail(name, "claims more bytes than the file has");
  return static_cast<std::size_t>(stored);
}

std::size_t Group::readable_count(const std::string& name, const Handle& set, std::size_t item) const {
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const auto largest = static_cast<std::int64_t>(std::max(item, H5Tget_size(type.get())));
  std::int64_t count = 1;
  for (const std::int64_t d : dims(name)) {
    if (d < 0 || (d > 0 && count > kLargestRead / largest / d)) fail(name, "claims more than 8 GiB");
    count *= d;
  }
  const auto stored = static_cast<std::int64_t>(stored_bytes(name, set));
  if (count * largest > kPlausible && count * largest / kLargestRatio > stored)
    fail(name, "claims more values than it can hold");
  return static_cast<std::size_t>(count);
}

void Group::read_raw(const std::string& name, const Handle& set, hid_t type, void* values) const {
  ask_memory(stored_bytes(name, set));
  if (H5Dread(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) fail(name, "cannot read: " + reason());
}

void Group::write(const std::string& name, const std::vector<std::string>& texts) const {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  write_raw(name, text_type().get(), pointers.data(), std::ssize(pointers), {std::ssize(pointers)}, Storage::kPlain);
}

}  // namespace qrun::h5
