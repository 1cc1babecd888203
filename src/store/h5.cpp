#include "store/h5.h"

#include <hdf5_hl.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace qrun::h5 {
namespace {

constexpr std::int64_t kCompressFrom = 1024;                  // values: a filter on less costs more than it saves
constexpr std::int64_t kLargestRead = std::int64_t{1} << 33;  // bytes a data set may claim
constexpr hsize_t kLargestChunk = hsize_t{1} << 18;           // values

/// The innermost message of HDF5's error stack.
std::string reason() {
  std::string text;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    if (error->desc != nullptr && *error->desc != '\0') *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &text);
  return text.empty() ? "unknown reason" : text;
}

/// HDF5 prints its errors itself unless told not to.
void be_quiet() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Handle property(hid_t kind) { return {H5Pcreate(kind), H5Pclose}; }

Handle dataspace(const Dims& dims) {
  if (dims.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  std::vector<hsize_t> sizes(dims.begin(), dims.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose};
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

/// gzip and shuffle for what is worth it, in chunks of whole trailing dimensions.
void compress(const Handle& properties, const Dims& dims) {
  if (dims.empty() || count_of(dims) < kCompressFrom) return;
  std::vector<hsize_t> chunk(dims.begin(), dims.end());
  hsize_t size = static_cast<hsize_t>(count_of(dims));
  for (hsize_t& extent : chunk) {
    while (size > kLargestChunk && extent > 1) {
      const hsize_t half = (extent + 1) / 2;
      size = size / extent * half;
      extent = half;
    }
  }
  H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
  H5Pset_shuffle(properties.get());
  H5Pset_deflate(properties.get(), 4);
}

Dims dims_of(const Handle& space) {
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank > 0 ? rank : 0));
  if (rank > 0) H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

}  // namespace

std::int64_t count_of(const Dims& dims) {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n *= d;
  return n;
}

void Group::fail(const std::string& name, const std::string& problem) const {
  throw Error(file_ + ": " + (path_ == "/" ? "/" : path_ + "/") + name + ": " + problem);
}

Group Group::create(const std::string& name) const {
  const Handle properties = property(H5P_GROUP_CREATE);
  H5Pset_link_creation_order(properties.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_attr_creation_order(properties.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  Handle group(H5Gcreate2(id(), name.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Gclose);
  if (group.get() < 0) fail(name, "cannot create: " + reason());
  return {std::move(group), file_, path_ == "/" ? "/" + name : path_ + "/" + name};
}

Group Group::open(const std::string& name) const {
  if (!has(name)) fail(name, "is missing");
  Handle group(H5Gopen2(id(), name.c_str(), H5P_DEFAULT), H5Gclose);
  if (group.get() < 0) fail(name, "is not a readable group");
  return {std::move(group), file_, path_ == "/" ? "/" + name : path_ + "/" + name};
}

Group Group::object(const std::string& name) const {
  if (!has(name)) fail(name, "is missing");
  Handle handle(H5Oopen(id(), name.c_str(), H5P_DEFAULT), H5Oclose);
  if (handle.get() < 0) fail(name, "is not readable");
  return {std::move(handle), file_, path_ == "/" ? "/" + name : path_ + "/" + name};
}

bool Group::has(const std::string& name) const {
  H5L_info_t info{};
  return H5Lexists(id(), name.c_str(), H5P_DEFAULT) > 0 && H5Lget_info(id(), name.c_str(), &info, H5P_DEFAULT) >= 0 &&
         info.type == H5L_TYPE_HARD;
}

std::vector<std::string> Group::names() const {
  std::vector<std::string> result;
  const auto collect = [](hid_t, const char* name, const H5L_info_t* info, void* out) -> herr_t {
    if (info->type == H5L_TYPE_HARD) static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  if (H5Literate(id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, collect, &result) < 0) {
    result.clear();
    H5Literate(id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &result);
  }
  return result;
}

bool Group::is_group(const std::string& name) const {
  const Handle object(H5Oopen(id(), name.c_str(), H5P_DEFAULT), H5Oclose);
  return object.get() >= 0 && H5Iget_type(object.get()) == H5I_GROUP;
}

void Group::write_raw(const std::string& name, hid_t type, const void* values, std::int64_t size,
                      const Dims& dims) const {
  QRUN_CHECK(size == count_of(dims), "as many values as the shape says");
  const Handle properties = property(H5P_DATASET_CREATE);
  H5Pset_attr_creation_order(properties.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  compress(properties, dims);
  const Handle space = dataspace(dims);
  const Handle set(H5Dcreate2(id(), name.c_str(), type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
                   H5Dclose);
  if (set.get() < 0 || (size > 0 && H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)) {
    throw EnvironmentError(file_ + ": cannot write " + path_ + "/" + name + ": " + reason());
  }
}

Dims Group::dims(const std::string& name) const {
  if (!has(name)) fail(name, "is missing");
  const Handle set(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (set.get() < 0) fail(name, "is not a readable data set");
  return dims_of({H5Dget_space(set.get()), H5Sclose});
}

std::int64_t Group::readable_size(const std::string& name, std::size_t item) const {
  std::int64_t n = 1;
  for (const std::int64_t d : dims(name)) {
    if (d > 0 && n > kLargestRead / d / static_cast<std::int64_t>(item)) fail(name, "claims more than 8 GiB");
    n *= d;
  }
  return n;
}

void Group::read_raw(const std::string& name, hid_t type, void* values) const {
  const Handle set(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (set.get() < 0 || H5Dread(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    fail(name, "cannot read: " + reason());
}

void Group::attribute_raw(const std::string& name, hid_t type, const void* values, const Dims& dims) const {
  const Handle space = dataspace(dims);
  const Handle attribute(H5Acreate2(id(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (attribute.get() < 0 || H5Awrite(attribute.get(), type, values) < 0)
    fail(name, "cannot write attribute: " + reason());
}

void Group::attribute(const std::string& name, const std::string& text) const {
  const Handle type = text_type();
  const char* pointer = text.c_str();
  attribute_raw(name, type.get(), static_cast<const void*>(&pointer), {});
}

bool Group::has_attribute(const std::string& name) const { return H5Aexists(id(), name.c_str()) > 0; }

std::int64_t Group::attribute_size(const std::string& name) const {
  if (!has_attribute(name)) fail(name, "attribute is missing");
  const Handle attribute(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  return count_of(dims_of({H5Aget_space(attribute.get()), H5Sclose}));
}

void Group::attribute_read(const std::string& name, hid_t type, void* values) const {
  const Handle attribute(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  if (attribute.get() < 0 || H5Aread(attribute.get(), type, values) < 0)
    fail(name, "cannot read attribute: " + reason());
}

std::string Group::text(const std::string& name) const {
  if (!has_attribute(name)) fail(name, "attribute is missing");
  const Handle attribute(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle stored(H5Aget_type(attribute.get()), H5Tclose);
  if (H5Tget_class(stored.get()) != H5T_STRING || H5Tis_variable_str(stored.get()) <= 0)
    fail(name, "attribute is not text");
  const Handle type = text_type();
  char* pointer = nullptr;
  if (H5Aread(attribute.get(), type.get(), static_cast<void*>(&pointer)) < 0 || pointer == nullptr)
    fail(name, "cannot read attribute: " + reason());
  std::string result(pointer);
  H5free_memory(pointer);
  return result;
}

std::string Group::attribute_text(const std::string& name) const {
  const Handle attribute(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      return H5Tget_sign(type.get()) == H5T_SGN_NONE ? std::to_string(number<std::uint64_t>(name))
                                                     : std::to_string(number<std::int64_t>(name));
    case H5T_FLOAT: {
      std::array<char, 32> text{};
      const auto end = std::to_chars(text.data(), text.data() + text.size(), number<double>(name)).ptr;
      return {text.data(), end};
    }
    default: return this->text(name);
  }
}

void Group::scale(const std::string& scale, const std::vector<std::string>& others) const {
  const Handle axis(H5Dopen2(id(), scale.c_str(), H5P_DEFAULT), H5Dclose);
  if (H5DSset_scale(axis.get(), scale.c_str()) < 0) fail(scale, "cannot make it a dimension scale");
  for (const std::string& name : others) {
    const Handle set(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (H5DSattach_scale(set.get(), axis.get(), 0) < 0) fail(name, "cannot attach its dimension scale");
  }
}

File File::create(const std::string& path) {
  be_quiet();
  const Handle creation = property(H5P_FILE_CREATE);
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_attr_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT), H5Fclose);
  if (file.get() < 0)
    throw EnvironmentError("cannot write " + path + ": " + (errno != 0 ? std::strerror(errno) : reason()));
  Handle root(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose);
  return {std::move(file), Group(std::move(root), path, "/")};
}

File File::open(const std::string& path) {
  be_quiet();
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) throw Error(path + ": no such file");
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (file.get() < 0) {
    const std::string why = reason();
    if (why.find("lock") != std::string::npos)
      throw Error(path + ": " + why + "; on a file system without locks set HDF5_USE_FILE_LOCKING=FALSE");
    throw Error(path + ": not a readable HDF5 file (" + why + ")");
  }
  Handle root(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose);
  if (root.get() < 0) throw Error(path + ": damaged: no root group");
  return {std::move(file), Group(std::move(root), path, "/")};
}

void File::finish() && {
  const std::string path = root_.file();
  const herr_t flushed = H5Fflush(file_.get(), H5F_SCOPE_GLOBAL);
  const std::string why = flushed < 0 ? reason() : "";
  root_ = Group(Handle(), path, "/");
  file_ = Handle();
  if (flushed < 0) throw EnvironmentError("cannot write " + path + ": " + why);
}

}  // namespace qrun::h5
