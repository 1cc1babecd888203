#include "store/data_io.h"

namespace qrun {
namespace {

/// What a group of a data set says in attributes; `set` is one that is written or one that is read.
template <class Set, class Visit>
void for_each_attribute(Set& set, const Visit& visit) {
  auto& [items, shape, classes, hash] = set.contents;
  visit("path", set.path);
  visit("items", items);
  visit("shape", shape);
  visit("classes", classes);
  visit("hash", hash);
  visit("batch_size", set.batch_size);
}

struct Write {
  const h5::Group& group;
  template <class T>
  void operator()(const char* name, const T& value) const {
    group.attribute(name, value);
  }
  void operator()(const char* name, const Shape& shape) const {
    group.attribute(name, std::vector{shape.c, shape.h, shape.w});
  }
};

struct Read {
  const h5::Group& group;
  void operator()(const char* name, std::string& value) const { value = group.text(name); }
  void operator()(const char* name, std::int64_t& value) const { value = group.number<std::int64_t>(name); }
  void operator()(const char* name, Shape& value) const {
    const auto shape = group.numbers<std::int64_t>(name);
    if (shape.size() != 3) group.fail(name, "attribute is not three numbers");
    value = {shape[0], shape[1], shape[2]};
  }
};

void write_set(const h5::Group& group, const SetRecord& set) { for_each_attribute(set, Write{group}); }

SetRecord read_set(const h5::Group& group) {
  SetRecord set;
  for_each_attribute(set, Read{group});
  return set;
}

}  // namespace

void write_data(const h5::Group& root, const DataRecord& data) {
  const h5::Group group = root.create("data");
  group.attribute("working_directory", data.working_directory);
  write_set(group.create("train"), data.train);
  write_set(group.create("test"), data.test);
  if (!data.mean_hash.empty()) group.create("mean").attribute("hash", data.mean_hash);
  if (!data.init_from_hash.empty()) root.attribute("init_from_hash", data.init_from_hash);
}

std::optional<DataRecord> read_data(const h5::Group& root) {
  if (!root.has("data")) return std::nullopt;
  const h5::Group group = root.open("data");
  return DataRecord{.train = read_set(group.open("train")),
                    .test = read_set(group.open("test")),
                    .mean_hash = group.has("mean") ? group.open("mean").text("hash") : "",
                    .init_from_hash = root.has_attribute("init_from_hash") ? root.text("init_from_hash") : "",
                    .working_directory = group.text("working_directory")};
}

}  // namespace qrun
