#include "data/datum.h"

#include <utility>

#include "core/error.h"

namespace qrun {
namespace {

constexpr std::int64_t kLargestItem = std::int64_t{1} << 28;  // values: what claims more is believed damaged

}  // namespace

void bad_item(const std::string& folder, std::string_view key, const std::string& problem) {
  throw Error(folder + ": item " + std::string(key) + ": " + problem);
}

void parse_item(const std::string& folder, std::string_view key, std::string_view value,
                const std::optional<Shape>& shape, proto::Datum& datum) {
  const bool parsed =
      std::in_range<int>(value.size()) && datum.ParseFromArray(value.data(), static_cast<int>(value.size()));
  if (!parsed) bad_item(folder, key, "not a Caffe Datum");
  if (datum.encoded()) bad_item(folder, key, "a compressed image (encoded: true); write the database with raw pixels");
  const Shape own{datum.channels(), datum.height(), datum.width()};
  if (own.c < 1 || own.h < 1 || own.w < 1) bad_item(folder, key, "shape " + to_string(own));
  if (own.c > kLargestItem / own.h / own.w)
    bad_item(folder, key, "a shape of " + to_string(own) + ", too large to be true");
  const bool bytes = !datum.data().empty();
  if (bytes) datum.clear_float_data();  // as Caffe does, which looks there only where there are no bytes
  const std::int64_t found = bytes ? static_cast<std::int64_t>(datum.data().size()) : datum.float_data_size();
  if (found != own.size())
    bad_item(
        folder, key,
        std::to_string(found) + " values where its shape " + to_string(own) + " says " + std::to_string(own.size()));
  if (shape && *shape != own)
    bad_item(folder, key, "shape " + to_string(own) + " where the first item has " + to_string(*shape));
  if (datum.label() < 0) bad_item(folder, key, "label " + std::to_string(datum.label()) + "; labels count from 0");
}

}  // namespace qrun
