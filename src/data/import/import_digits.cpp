#include "data/digits.h"
#include "data/import/import.h"
#include "data/import/labelled_images.h"

namespace qrun {
namespace {

LabelledImages draw(std::int64_t items, std::uint64_t seed, Split split) {
  LabelledImages set{{1, kDigitSize, kDigitSize}, draw_digits(items, seed, split), {}};
  for (std::int64_t i = 0; i < items; ++i) set.labels.push_back(digit_label(seed, split, i));
  return set;
}

}  // namespace

Imports import_synthetic_digits(const std::string& to, std::int64_t train_items, std::int64_t test_items,
                                std::uint64_t data_seed) {
  return {
      .sets = write_sets(to, draw(train_items, data_seed, Split::kTrain), draw(test_items, data_seed, Split::kTest)),
      .mean_image = {},
      .notes = {}};
}

}  // namespace qrun
