// Sets of idx files, MNIST and those made like it.
#include <algorithm>

#include "core/error.h"
#include "data/import/idx.h"
#include "data/import/idx_folder.h"
#include "data/import/import.h"
#include "data/import/labelled_images.h"

namespace qrun {
namespace {

LabelledImages read_pair(const std::string& images_path, const std::string& labels_path) {
  IdxImages images = read_idx_images(images_path);
  const std::vector<std::uint8_t> labels = read_idx_labels(labels_path);
  if (images.count != std::ssize(labels)) {
    throw Error(images_path + " holds " + std::to_string(images.count) + " images, but " + labels_path + " " +
                std::to_string(labels.size()) + " labels");
  }
  return {{1, images.height, images.width}, std::move(images.pixels), {labels.begin(), labels.end()}};
}

/// Makes label `first` 0.
void shift_labels(LabelledImages& set, std::int64_t first, const std::string& path) {
  const auto below = std::ranges::find_if(set.labels, [&](std::int32_t label) { return label < first; });
  if (below != set.labels.end()) {
    throw Error(path + ": label " + std::to_string(*below) + " of item " + std::to_string(below - set.labels.begin()) +
                " is below --first-label " + std::to_string(first));
  }
  for (std::int32_t& label : set.labels) label -= static_cast<std::int32_t>(first);
}

}  // namespace

Imports import_idx(const std::string& from, const std::string& to, const IdxOptions& options) {
  const IdxFiles files = find_idx_files(from, options.set);
  LabelledImages train = read_pair(files.train_images, files.train_labels);
  LabelledImages test = read_pair(files.test_images, files.test_labels);
  const std::int32_t smallest = std::min(std::ranges::min(train.labels), std::ranges::min(test.labels));
  const std::int32_t largest = std::max(std::ranges::max(train.labels), std::ranges::max(test.labels));
  Imports imports;
  if (!options.first_label && smallest == 1) {
    imports.notes.push_back("labels 1 to " + std::to_string(largest) + " became 0 to " + std::to_string(largest - 1) +
                            ", for there is no 0; --first-label 0 keeps them");
  }
  const std::int64_t first = options.first_label.value_or(smallest == 1 ? 1 : 0);
  shift_labels(train, first, files.train_labels);
  shift_labels(test, first, files.test_labels);
  imports.sets = write_sets(to, train, test);
  return imports;
}

}  // namespace qrun
