#include "data/import.h"

#include "core/error.h"
#include "core/fault.h"
#include "data/datum.pb.h"
#include "data/digits.h"
#include "data/idx.h"
#include "data/lmdb.h"

namespace qrun {
namespace {

struct LabelledImages {
  IdxImages images;
  std::vector<std::uint8_t> labels;
};

LabelledImages read_pair(const std::string& folder, const std::string& stem) {
  LabelledImages pair{read_idx_images(folder + "/" + stem + "-images-idx3-ubyte"),
                      read_idx_labels(folder + "/" + stem + "-labels-idx1-ubyte")};
  if (pair.images.count != static_cast<std::int64_t>(pair.labels.size())) {
    throw Error(folder + ": " + std::to_string(pair.images.count) + " images but " +
                std::to_string(pair.labels.size()) + " labels in " + stem);
  }
  return pair;
}

Imported write_images(const std::string& path, const LabelledImages& set) {
  const auto size = static_cast<std::size_t>(set.images.height * set.images.width);
  const auto value = [&](std::int64_t i) {
    proto::Datum datum;
    datum.set_channels(1);
    datum.set_height(static_cast<std::int32_t>(set.images.height));
    datum.set_width(static_cast<std::int32_t>(set.images.width));
    datum.set_data(set.images.pixels.data() + static_cast<std::size_t>(i) * size, size);
    datum.set_label(set.labels[static_cast<std::size_t>(i)]);
    return datum.SerializeAsString();
  };
  return {path, set.images.count, write_lmdb(path, set.images.count, value)};
}

LabelledImages draw(std::int64_t items, std::uint64_t seed, Split split) {
  LabelledImages set;
  set.images = {items, kDigitSize, kDigitSize, draw_digits(items, seed, split)};
  for (std::int64_t i = 0; i < items; ++i) set.labels.push_back(static_cast<std::uint8_t>(digit_label(seed, split, i)));
  return set;
}

std::vector<Imported> write_sets(const std::string& to, const LabelledImages& train, const LabelledImages& test) {
  std::vector<Imported> sets{write_images(to + "/train_lmdb", train)};
  fault_point("data.half");
  sets.push_back(write_images(to + "/test_lmdb", test));
  return sets;
}

}  // namespace

std::vector<Imported> import_mnist(const std::string& from, const std::string& to) {
  const LabelledImages train = read_pair(from, "train");
  const LabelledImages test = read_pair(from, "t10k");
  return write_sets(to, train, test);
}

std::vector<Imported> import_synthetic_digits(const std::string& to, std::int64_t train_items, std::int64_t test_items,
                                              std::uint64_t data_seed) {
  return write_sets(to, draw(train_items, data_seed, Split::kTrain), draw(test_items, data_seed, Split::kTest));
}

}  // namespace qrun
