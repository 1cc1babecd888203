#include "config/fields/data.h"

#include <algorithm>
#include <array>

namespace qrun::config {
namespace {

bool is_given(const Node& map, std::string_view key) {
  const Node* found = map.find(key);
  return found != nullptr && !found->is_null();
}

template <std::size_t kCount>
void read_source(const Value& value, const Table<SourceSpec, kCount>& table, SourceSpec& source) {
  read_fields(value, table, source);
  if (value.node.is_map() && !is_given(value.node, "lmdb") && !is_given(value.node, "synthetic_digits"))
    value.fail("names no data; give lmdb or synthetic_digits");
}

struct GivenMean {
  std::string file;
  bool is_of_train = false;
};

constexpr std::array<const char*, 1> kImages = {"train"};

void read_image(GivenMean& mean, const Value& value) { mean.is_of_train = read_choice(value, kImages).has_value(); }
Node schema_of_image() { return schema_of_choice(kImages); }

constexpr auto kMeanFields =
    fields(text_or_null<&GivenMean::file>("file", "a Caffe BlobProto with the mean image", Role::kNumber),
           field<GivenMean>("image", "train: the mean of the training images", Role::kNumber)
               .read_by<read_image>()
               .described_by<schema_of_image>()
               .nullable());

void read_mean_image(DataSpec& data, const Value& value) {
  GivenMean given;
  read_fields(value, kMeanFields, given);
  if (std::ranges::all_of(value.node.entries, [](const Entry& entry) { return entry.value.is_null(); }))
    value.fail("names no mean image; {file: mean.binaryproto} or {image: train}");
  if (!given.file.empty() && given.is_of_train)
    value.fail("gives both file and image; keep one, or set the other to null");
  if (const Node* file = value.node.find("file")) data.mean_position = file->at;
  data.mean.clear();
  data.mean_file = given.file;
  data.mean_of_train = given.is_of_train;
}

/// Writes all of a mean image also where only shapes are asked for: the runs of a pack share their data, and with it a
/// mean image.
void write_mean_image(const DataSpec& data, Sink& sink) {
  sink.open(Sink::Collection::kMap);
  sink.key(data.mean_of_train ? "image" : "file");
  sink.text(data.mean_of_train ? kImages[0] : data.mean_file);
  sink.close();
}

}  // namespace

bool has_lmdb(const SourceSpec& source) { return !source.lmdb.empty(); }
bool is_not_synthetic(const SourceSpec& source) { return source.synthetic_digits <= 0; }
bool is_for_training_only(const SourceSpec& /*test*/) { return true; }

std::string why_not_both(const SourceSpec& /*source*/) {
  return "lmdb is given too; keep one, or set the other to null";
}
std::string why_synthetic_only(const SourceSpec& /*source*/) { return "is for synthetic_digits; leave it out"; }
std::string why_training_only(const SourceSpec& /*test*/) {
  return "is for training; the test takes every item once, in order";
}

void read_train(DataSpec& data, const Value& value) { read_source(value, kTrainSourceFields, data.train); }
void read_test(DataSpec& data, const Value& value) { read_source(value, kTestSourceFields, data.test); }

void read_scale(DataSpec& data, const Value& value) {
  const std::optional<double> read = read_number(value, kAnyNumber);
  if (read && *read == 0) return value.fail("0 leaves nothing of the images; any other finite number");
  if (read) data.scale = *read;
}

void read_mean(DataSpec& data, const Value& value) {
  if (value.node.is_map()) return read_mean_image(data, value);
  std::vector<double> read;
  const bool is_list = value.node.is_list();
  for (std::size_t i = 0; i < (is_list ? value.node.items.size() : 1); ++i) {
    if (const auto one = read_number(is_list ? value.item(i) : value, kAnyNumber)) read.push_back(*one);
  }
  if (is_list && value.node.items.empty()) value.fail("is an empty list; give one number, or one a channel");
  data.mean = read;
  data.mean_file.clear();
  data.mean_of_train = false;
}

void write_mean(const DataSpec& data, const Writing& to) {
  if (has_mean_image(data)) return write_mean_image(data, to.sink);
  if (!holds(to.roles, Role::kNumber)) return to.sink.integer(std::uint64_t{data.mean.size()});
  if (data.mean.empty()) return to.sink.null();
  to.sink.open(Sink::Collection::kList);
  for (const double one : data.mean) to.sink.number(one);
  to.sink.close();
}

Node schema_of_mean() {
  return schema_any_of({schema_of_number(kAnyNumber), schema_of_list(or_variable(schema_of_number(kAnyNumber))),
                        schema_of(kMeanFields.rows)});
}

}  // namespace qrun::config
