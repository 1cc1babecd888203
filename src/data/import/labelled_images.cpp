#include "data/import/labelled_images.h"

#include "core/fault.h"
#include "data/datum.pb.h"

namespace qrun {

std::string to_value(const Shape& shape, const std::uint8_t* pixels, std::int32_t label) {
  proto::Datum datum;
  datum.set_channels(static_cast<std::int32_t>(shape.c));
  datum.set_height(static_cast<std::int32_t>(shape.h));
  datum.set_width(static_cast<std::int32_t>(shape.w));
  datum.set_data(pixels, static_cast<std::size_t>(shape.size()));
  datum.set_label(label);
  return datum.SerializeAsString();
}

void replace_both(NewLmdb& train, NewLmdb& test) {
  train.replace();
  fault_point("data.half");
  test.replace();
}

std::vector<Imported> write_sets(const std::string& to, const LabelledImages& train, const LabelledImages& test) {
  const auto values = [](const LabelledImages& set) {
    return [&set](std::int64_t i) {
      const auto item = static_cast<std::size_t>(i);
      return to_value(set.shape, set.pixels.data() + item * static_cast<std::size_t>(set.shape.size()),
                      set.labels[item]);
    };
  };
  NewLmdb new_train(to + "/train_lmdb", train.items(), values(train));
  NewLmdb new_test(to + "/test_lmdb", test.items(), values(test));
  replace_both(new_train, new_test);
  return {{new_train.folder(), train.items()}, {new_test.folder(), test.items()}};
}

}  // namespace qrun
