#include <limits>

#include "config/fields/sections.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

constexpr std::uint64_t kMaxBatch = 1 << 20;
constexpr std::uint64_t kMaxSide = 1 << 16;

Fields source_fields(SourceSpec& source, bool is_training) {
  const auto no_second = [&source] {
    return source.lmdb.empty() ? "" : "lmdb is given too; keep one, or set the other to null";
  };
  const auto not_synthetic = [&source] {
    return source.synthetic_digits > 0 ? "" : "is for synthetic_digits; leave it out";
  };
  const auto not_training = [is_training] {
    return is_training ? "" : "is for training; the test takes every item once, in order";
  };
  constexpr std::uint64_t kAnySeed = std::numeric_limits<std::uint64_t>::max();
  return list_of(
      positioned(text_or_null("lmdb", "folder of a database of Caffe Datum messages", source.lmdb), source.position),
      refused_if(no_second, positioned(integer_or_null("synthetic_digits", "number of built-in synthetic digits",
                                                       source.synthetic_digits, {1, kMany}),
                                       source.position)),
      refused_if(not_synthetic,
                 integer("data_seed", "what the synthetic digits are drawn from", source.data_seed, {0, kAnySeed})),
      required(integer("batch_size", "images a batch", source.batch_size, {1, kMaxBatch})),
      refused_if(not_training, boolean("shuffle", "a new order each pass, from the seed", source.shuffle)));
}

Field source_field(const char* name, const char* about, SourceSpec& source, bool is_training) {
  Field field = section(name, about, source_fields(source, is_training));
  field.read = [read = std::move(field.read)](const Value& value) {
    read(value);
    const auto is_given = [&](const char* key) {
      const Node* found = value.node.find(key);
      return found != nullptr && !found->is_null();
    };
    if (value.node.is_map() && !is_given("lmdb") && !is_given("synthetic_digits")) {
      value.fail("names no data; give lmdb or synthetic_digits");
    }
  };
  return required(std::move(field));
}

Field scale_field(double& scale) {
  Field field = number("scale", "value = (pixel - mean) * scale", scale, kAnyNumber);
  field.read = [&scale](const Value& value) {
    const std::optional<double> read = read_number(value, kAnyNumber);
    if (read && *read == 0) return value.fail("0 leaves nothing of the images; any other finite number");
    if (read) scale = *read;
  };
  return field;
}

/// One number for all channels, or a list with one a channel.
Field mean_field(std::vector<double>& mean) {
  Field field;
  field.name = "mean";
  field.about = "subtracted from pixels: one number, or a list with one a channel";
  field.nullable = true;
  field.read = [&mean](const Value& value) {
    std::vector<double> read;
    const bool is_list = value.node.is_list();
    for (std::size_t i = 0; i < (is_list ? value.node.items.size() : 1); ++i) {
      if (const auto one = read_number(is_list ? value.item(i) : value, kAnyNumber)) read.push_back(*one);
    }
    if (is_list && value.node.items.empty()) value.fail("is an empty list; give one number, or one a channel");
    mean = read;
  };
  field.write = [&mean] {
    std::vector<Node> numbers;
    for (const double one : mean) numbers.push_back(plain_node(format_number(one)));
    return numbers.empty() ? Node{} : list_node(std::move(numbers));
  };
  field.schema = [] {
    Node list = map_node({{"type", text_node("array")}, {"items", or_variable(schema_of_number(kAnyNumber))}});
    return schema_any_of({schema_of_number(kAnyNumber), std::move(list)});
  };
  return field;
}

}  // namespace

Fields data_fields(DataSpec& data) {
  return list_of(source_field("train", "the training items", data.train, true),
                 source_field("test", "the test items, each used once", data.test, false), scale_field(data.scale),
                 positioned(mean_field(data.mean), data.mean_position),
                 positioned(integer_or_null("crop", "side of the square cut from each image; default: whole images",
                                            data.crop, {1, kMaxSide}),
                            data.crop_position),
                 boolean("mirror", "mirror training images at random", data.mirror),
                 integer("pad", "zeros added around training images before the crop", data.pad, {0, kMaxSide}));
}

}  // namespace qrun::config
