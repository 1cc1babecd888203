// A thin layer over the HDF5 C API: handles that close themselves, typed reads and writes, errors with path and reason.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace qrun::h5 {

/// An open HDF5 object of any kind.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  [[nodiscard]] hid_t get() const { return id_; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

/// The native HDF5 type of a number.
template <class T>
[[nodiscard]] hid_t type_of();
template <>
[[nodiscard]] inline hid_t type_of<std::int8_t>() {
  return H5T_NATIVE_INT8;
}
template <>
[[nodiscard]] inline hid_t type_of<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}
template <>
[[nodiscard]] inline hid_t type_of<std::int16_t>() {
  return H5T_NATIVE_INT16;
}
template <>
[[nodiscard]] inline hid_t type_of<std::int32_t>() {
  return H5T_NATIVE_INT32;
}
template <>
[[nodiscard]] inline hid_t type_of<std::int64_t>() {
  return H5T_NATIVE_INT64;
}
template <>
[[nodiscard]] inline hid_t type_of<std::uint64_t>() {
  return H5T_NATIVE_UINT64;
}
template <>
[[nodiscard]] inline hid_t type_of<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
[[nodiscard]] inline hid_t type_of<double>() {
  return H5T_NATIVE_DOUBLE;
}

using Dims = std::vector<std::int64_t>;

[[nodiscard]] std::int64_t count_of(const Dims& dims);

/// A group of an open file, and what is in it. Throws Error naming the file and the object where something is amiss.
class Group {
 public:
  Group(Handle handle, std::string file, std::string path)
      : handle_(std::move(handle)), file_(std::move(file)), path_(std::move(path)) {}

  [[nodiscard]] hid_t id() const { return handle_.get(); }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] Group create(const std::string& name) const;
  [[nodiscard]] Group open(const std::string& name) const;
  [[nodiscard]] Group object(const std::string& name) const;  // a data set or group, for its attributes
  [[nodiscard]] bool has(const std::string& name) const;      // a hard link of this name
  [[nodiscard]] std::vector<std::string> names() const;  // of hard links, in order of creation where that is tracked
  [[nodiscard]] bool is_group(const std::string& name) const;

  template <class T>
  void write(const std::string& name, std::span<const T> values, const Dims& dims) const {
    write_raw(name, type_of<T>(), values.data(), static_cast<std::int64_t>(values.size()), dims);
  }
  template <class T>
  void write(const std::string& name, const std::vector<T>& values, const Dims& dims) const {
    write(name, std::span<const T>(values), dims);
  }
  [[nodiscard]] Dims dims(const std::string& name) const;
  template <class T>
  [[nodiscard]] std::vector<T> read(const std::string& name) const {
    std::vector<T> values(static_cast<std::size_t>(readable_size(name, sizeof(T))));
    read_raw(name, type_of<T>(), values.data());
    return values;
  }

  template <class T>
  void attribute(const std::string& name, T value) const {
    attribute_raw(name, type_of<T>(), &value, {});
  }
  template <class T>
  void attribute(const std::string& name, const std::vector<T>& values) const {
    attribute_raw(name, type_of<T>(), values.data(), {static_cast<std::int64_t>(values.size())});
  }
  void attribute(const std::string& name, const std::string& text) const;
  void attribute(const std::string& name, const char* text) const { attribute(name, std::string(text)); }

  [[nodiscard]] bool has_attribute(const std::string& name) const;
  template <class T>
  [[nodiscard]] std::vector<T> numbers(const std::string& name) const {
    std::vector<T> values(static_cast<std::size_t>(attribute_size(name)));
    attribute_read(name, type_of<T>(), values.data());
    return values;
  }
  template <class T>
  [[nodiscard]] T number(const std::string& name) const {
    const std::vector<T> values = numbers<T>(name);
    return values.size() == 1 ? values[0] : (fail(name, "is not one number"), T{});
  }
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] std::string attribute_text(const std::string& name) const;  // of any type, as text

  /// Makes `scale` the dimension scale of the first dimension of the others, all data sets of this group.
  void scale(const std::string& scale, const std::vector<std::string>& others) const;

  [[noreturn]] void fail(const std::string& name, const std::string& problem) const;

 private:
  void write_raw(const std::string& name, hid_t type, const void* values, std::int64_t size, const Dims& dims) const;
  void read_raw(const std::string& name, hid_t type, void* values) const;
  [[nodiscard]] std::int64_t readable_size(const std::string& name, std::size_t item) const;
  void attribute_raw(const std::string& name, hid_t type, const void* values, const Dims& dims) const;
  [[nodiscard]] std::int64_t attribute_size(const std::string& name) const;
  void attribute_read(const std::string& name, hid_t type, void* values) const;

  Handle handle_;
  std::string file_, path_;
};

/// An open file; its root group.
class File {
 public:
  /// A new file, links and attributes in order of creation. Throws EnvironmentError (path, reason).
  [[nodiscard]] static File create(const std::string& path);
  /// For reading, without locks where the file system has none. Throws Error naming the file and what is wrong.
  [[nodiscard]] static File open(const std::string& path);

  [[nodiscard]] const Group& root() const { return root_; }
  /// Writes everything to disk and closes. Throws EnvironmentError if that fails, as it does on a full disk.
  void finish() &&;

 private:
  File(Handle file, Group root) : file_(std::move(file)), root_(std::move(root)) {}
  Handle file_;
  Group root_;
};

}  // namespace qrun::h5
