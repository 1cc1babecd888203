#include "store/data_io.h"

namespace qrun {
namespace {

void write_set(const h5::Group& group, const SetRecord& set) {
  const auto& [items, shape, classes, hash] = set.contents;
  group.attribute("path", set.path);
  group.attribute("items", items);
  group.attribute("shape", std::vector{shape.c, shape.h, shape.w});
  group.attribute("classes", classes);
  group.attribute("hash", hash);
  group.attribute("batch_size", set.batch_size);
}

SetRecord read_set(const h5::Group& group) {
  const auto shape = group.numbers<std::int64_t>("shape");
  if (shape.size() != 3) group.fail("shape", "attribute is not three numbers");
  return {.contents = {.items = group.number<std::int64_t>("items"),
                       .shape = {shape[0], shape[1], shape[2]},
                       .classes = group.number<std::int64_t>("classes"),
                       .hash = group.text("hash")},
          .path = group.text("path"),
          .batch_size = group.number<std::int64_t>("batch_size")};
}

}  // namespace

void write_data(const h5::Group& root, const DataRecord& data) {
  const h5::Group group = root.create("data");
  group.attribute("working_directory", data.working_directory);
  write_set(group.create("train"), data.train);
  write_set(group.create("test"), data.test);
  if (!data.init_from_hash.empty()) root.attribute("init_from_hash", data.init_from_hash);
}

std::optional<DataRecord> read_data(const h5::Group& root) {
  if (!root.has("data")) return std::nullopt;
  const h5::Group group = root.open("data");
  return DataRecord{.train = read_set(group.open("train")),
                    .test = read_set(group.open("test")),
                    .init_from_hash = root.has_attribute("init_from_hash") ? root.text("init_from_hash") : "",
                    .working_directory = group.text("working_directory")};
}

}  // namespace qrun
