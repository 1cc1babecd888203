// A thin layer over the HDF5 C API: handles that close themselves, typed reads and writes, errors with path and reason.
// Files are built in memory and handed out as bytes: HDF5 itself may crash where a disk is full.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace qrun::h5 {

/// Starts the library, and keeps it from printing its errors itself. Started where memory is short it would stay half
/// started: so a program does it first of all. Throws std::bad_alloc.
void start();

/// HDF5 crashes where memory ends: so what it will take is asked for first, `bytes` and what goes beside them. Throws
/// std::bad_alloc.
void ask_memory(std::size_t bytes);

/// An open HDF5 object of any kind; a negative id is none.
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
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

/// Numbers that files hold.
template <class T>
concept Number = std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::int16_t> ||
    std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::uint64_t> ||
    std::is_same_v<T, float> || std::is_same_v<T, double>;

/// The native HDF5 type of a number.
template <Number T>
[[nodiscard]] hid_t type_of() {
  if constexpr (std::is_same_v<T, std::int8_t>) return H5T_NATIVE_INT8;
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, std::int16_t>) return H5T_NATIVE_INT16;
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

/// How values are stored: with gzip and shuffle where there are 1024 or more, or as they are.
enum class Storage : std::uint8_t { kCompressed, kPlain };

/// Extents of a data set; none for a single value.
using Dims = std::vector<std::int64_t>;

[[nodiscard]] std::int64_t count_of(const Dims& dims);

/// The type of texts of any length in UTF-8.
[[nodiscard]] Handle text_type();

/// What went wrong last, in the words of HDF5 where it first noticed.
[[nodiscard]] std::string reason();

/// What an attribute or data set holds. Flags are int8.
enum class Kind : std::uint8_t { kFlag, kSigned, kUnsigned, kReal, kText, kOther };

[[nodiscard]] Kind kind_of(const Handle& type);

/// A name in a group, and what it leads to.
struct Link {
  std::string name;
  H5L_type_t type = H5L_TYPE_HARD;
  std::string file, path;  // of an external link; a soft one has a path
};

/// A group or data set of an open file, and what is in it. Only hard links count: nothing outside the file is followed.
/// All members throw Error naming the file and the object where something is missing, damaged or of another type.
class Group {
 public:
  Group(Handle handle, std::string file, std::string path)
      : handle_(std::move(handle)), file_(std::move(file)), path_(std::move(path)) {}

  [[nodiscard]] hid_t id() const { return handle_.get(); }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  /// A new group that keeps the order in which links and attributes are made.
  [[nodiscard]] Group create(const std::string& name) const;
  [[nodiscard]] Group open(const std::string& name) const;
  [[nodiscard]] Group object(const std::string& name) const;  // a data set or group, for its attributes
  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] bool is_group(const std::string& name) const;
  [[nodiscard]] bool is_set(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names() const;  // in order of creation where that is tracked, else by name
  [[nodiscard]] std::vector<Link> links() const;         // all of them, in the same order
  /// Returns where in the file an object lies: the same for all links to it.
  [[nodiscard]] haddr_t address(const std::string& name) const;

  template <Number T>
  void write(const std::string& name, const std::vector<T>& values, const Dims& dims,
             Storage storage = Storage::kCompressed) const {
    write_raw(name, type_of<T>(), values.data(), static_cast<std::int64_t>(values.size()), dims, storage);
  }
  void write(const std::string& name, const std::vector<std::string>& texts) const;
  [[nodiscard]] bool has_shape(const std::string& name) const;  // a data set that has values, or could have
  [[nodiscard]] Dims dims(const std::string& name) const;
  [[nodiscard]] Kind kind(const std::string& name) const;  // kOther for what is no data set
  template <Number T>
  [[nodiscard]] std::vector<T> read(const std::string& name) const {
    const Handle set = open_readable(name, std::is_integral_v<T> ? H5T_INTEGER : H5T_FLOAT);
    std::vector<T> values(readable_count(name, set, sizeof(T)));
    read_raw(name, set, type_of<T>(), values.data());
    return values;
  }

  template <Number T>
  void attribute(const std::string& name, T value) const {
    attribute_raw(name, type_of<T>(), &value, {});
  }
  template <Number T>
  void attribute(const std::string& name, const std::vector<T>& values) const {
    attribute_raw(name, type_of<T>(), values.data(), {static_cast<std::int64_t>(values.size())});
  }
  void attribute(const std::string& name, const std::string& text) const;
  void attribute(const std::string& name, const char* text) const { attribute(name, std::string(text)); }

  [[nodiscard]] bool has_attribute(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> attribute_names() const;  // in order of creation
  [[nodiscard]] Kind attribute_kind(const std::string& name) const;
  template <Number T>
  [[nodiscard]] std::vector<T> numbers(const std::string& name) const {
    const Handle attribute = open_attribute(name, std::is_integral_v<T> ? H5T_INTEGER : H5T_FLOAT);
    std::vector<T> values(attribute_count(name, attribute));
    attribute_read(name, attribute, type_of<T>(), values.data());
    return values;
  }
  template <Number T>
  [[nodiscard]] T number(const std::string& name) const {
    const std::vector<T> values = numbers<T>(name);
    if (values.size() != 1) fail(name, "attribute is not one number");
    return values[0];
  }
  [[nodiscard]] std::string text(const std::string& name) const;

  // Copies to another file, of what is under `name`; false where it holds references: they lead nowhere there.
  [[nodiscard]] bool copy_set(const std::string& name, const Group& to) const;  // without its attributes
  [[nodiscard]] bool copy_type(const std::string& name, const Group& to) const;
  [[nodiscard]] bool copy_attribute(const std::string& name, const Group& to) const;
  /// Makes a soft or external link, of which the target need not exist; false where it is of another type.
  [[nodiscard]] bool link(const Link& link) const;
  /// Makes another name for the object at a path of this file.
  void link_object(const std::string& name, const std::string& path) const;

  /// Makes a dimension scale without values: a length that has a name. It takes no room for its values.
  void axis(const std::string& name, std::int64_t length) const;
  /// Names the dimensions of a data set of this group, one name each: by the dimension scale of that name and length in
  /// this group or the nearest above it. A data set of this group becomes one; where there is none, axis() makes it.
  void label(const std::string& name, const std::vector<std::string>& axes) const;
  [[nodiscard]] bool is_scale(const std::string& name) const;
  /// Returns for each dimension of a data set the addresses of its scales; nothing where it has none.
  [[nodiscard]] std::vector<std::vector<haddr_t>> scales(const std::string& name) const;
  /// Gives a dimension of a data set a scale; both are paths in this group. False where it cannot be: the data set is a
  /// scale itself, or the other is none.
  [[nodiscard]] bool attach(const std::string& set, unsigned dimension, const std::string& scale) const;

  [[noreturn]] void fail(const std::string& name, const std::string& problem) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const;
  void write_raw(const std::string& name, hid_t type, const void* values, std::int64_t size, const Dims& dims,
                 Storage storage) const;
  [[nodiscard]] std::vector<Link> bare_links() const;
  void read_target(Link& link) const;
  [[nodiscard]] Handle create_set(const std::string& name, hid_t type, const Handle& space, Storage storage) const;
  [[nodiscard]] Handle find_scale(const std::string& name, std::int64_t length) const;
  [[nodiscard]] Handle open_set(const std::string& name) const;
  [[nodiscard]] Handle open_readable(const std::string& name, H5T_class_t wanted) const;
  void check_own_values(const std::string& name, const Handle& set) const;
  [[nodiscard]] std::size_t stored_bytes(const std::string& name, const Handle& set) const;
  [[nodiscard]] std::size_t readable_count(const std::string& name, const Handle& set, std::size_t item) const;
  void read_raw(const std::string& name, const Handle& set, hid_t type, void* values) const;
  void attribute_raw(const std::string& name, hid_t type, const void* values, const Dims& dims) const;
  [[nodiscard]] Handle open_attribute(const std::string& name, H5T_class_t wanted) const;
  [[nodiscard]] std::size_t attribute_count(const std::string& name, const Handle& attribute) const;
  void attribute_read(const std::string& name, const Handle& attribute, hid_t type, void* values) const;

  Handle handle_;
  std::string file_, path_;
};

/// An open file; its root group. HDF5 is not safe with threads: one File is open at a time, other threads wait.
class File {
 public:
  /// A new file in memory; `path` names it in errors.
  [[nodiscard]] static File create(const std::string& path);
  /// A copy of a file in memory, to be changed; the file stays as it is. Throws as open() does.
  [[nodiscard]] static File copy(const std::string& path);
  /// Opens a file for reading, with locks where the file system has them; HDF5_USE_FILE_LOCKING overrides that.
  /// Throws Error naming the file and what is wrong: missing, not HDF5, damaged; Unreadable where it may be sound:
  /// locked, or not ours to read.
  [[nodiscard]] static File open(const std::string& path);

  [[nodiscard]] const Group& root() const { return root_; }
  /// Closes a file in memory and gives its bytes.
  [[nodiscard]] std::vector<std::byte> image() &&;

 private:
  using Lock = std::unique_lock<std::recursive_mutex>;
  File(Lock lock, Handle file, const std::string& path);
  Lock lock_;  // released last
  Handle file_;
  Group root_;
};

}  // namespace qrun::h5
