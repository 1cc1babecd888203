#include "data/datum.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "core/error.h"
#include "data/decode_image.h"
#include "data/foreign_value.h"
#include "data/key_text.h"

namespace qrun {
namespace {

constexpr std::int64_t kLargestItem = std::int64_t{1} << 28;  // values: what claims more is believed damaged
constexpr const char* kWriteItAgain = "; write the database again, as README.md shows under `Where data comes from`";

/// One value that is no number makes all weights so: the item is to blame, not what they are computed by.
void check_finite(const std::string& path, std::string_view key, const Shape& own, const proto::Datum& datum) {
  const auto& values = datum.float_data();
  const auto at = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (at == values.end()) return;
  const std::int64_t i = at - values.begin();
  bad_item(path, key,
           "value " + std::to_string(i) + " of float_data (channel " + std::to_string(i / own.w / own.h) + ", row " +
               std::to_string(i / own.w % own.h) + ", column " + std::to_string(i % own.w) + ") is " +
               (std::isnan(*at) ? "NaN" : "infinite") + "; mend the item, or leave it out");
}

/// Checks that there are as many values as the shape says, all of them numbers.
void check_values(const std::string& path, std::string_view key, proto::Datum& datum) {
  const Shape own{datum.channels(), datum.height(), datum.width()};
  if (own.c < 1 || own.h < 1 || own.w < 1)
    bad_item(path, key, "shape " + to_string(own) + ", which has no pixels" + kWriteItAgain);
  if (own.c > kLargestItem / own.h / own.w)
    bad_item(path, key, "a shape of " + to_string(own) + ", too large to be true" + kWriteItAgain);
  const bool bytes = !datum.data().empty();
  if (bytes) datum.clear_float_data();  // as Caffe does, which looks there only where there are no bytes
  const std::int64_t found = bytes ? static_cast<std::int64_t>(datum.data().size()) : datum.float_data_size();
  if (found != own.size())
    bad_item(path, key,
             std::to_string(found) + " values where its shape " + to_string(own) + " says " +
                 std::to_string(own.size()) + kWriteItAgain);
  check_finite(path, key, own, datum);
}

void check_shape(const std::string& path, std::string_view key, const Shape& own, const Shape& first) {
  if (own == first) return;
  std::string remedy = "; all items need one";
  if (own.h != first.h || own.w != first.w)
    remedy += ": `convert_imageset --resize_height=" + std::to_string(first.h) +
              " --resize_width=" + std::to_string(first.w) + "` makes it so";
  if (own.c != first.c) remedy += ", all grey (--gray) or all of colour";
  bad_item(path, key, "shape " + to_string(own) + " where the first item has " + to_string(first) + remedy);
}

/// Puts pixels in the place of a compressed image, in the order in which Caffe's tools store those that they do not
/// compress: OpenCV's, blue before green before red.
void decode(const std::string& path, std::string_view key, proto::Datum& datum) {
  DecodedImage image;
  try {
    image = decode_image(std::as_bytes(std::span(datum.data())));
  } catch (const EnvironmentError&) {
    throw;
  } catch (const Error& error) {
    bad_item(path, key, std::string("its encoded image: ") + error.what());
  }
  const auto plane = static_cast<std::size_t>(image.shape.h * image.shape.w);
  std::string& data = *datum.mutable_data();
  data.resize(image.pixels.size());
  for (std::size_t from = 0, to = data.size(); from < data.size(); from += plane)
    std::memcpy(data.data() + (to -= plane), image.pixels.data() + from, plane);
  datum.set_channels(static_cast<std::int32_t>(image.shape.c));
  datum.set_height(static_cast<std::int32_t>(image.shape.h));
  datum.set_width(static_cast<std::int32_t>(image.shape.w));
}

}  // namespace

void bad_item(const std::string& path, std::string_view key, const std::string& problem) {
  throw Error(path + ": item " + key_text(key) + ": " + problem);
}

void parse_stored(const std::string& path, std::string_view key, std::string_view value, proto::Datum& datum) {
  if (!std::in_range<int>(value.size())) bad_item(path, key, "more bytes than a Caffe Datum can have");
  const bool parsed = datum.ParseFromArray(value.data(), static_cast<int>(value.size()));
  const bool has_fields = datum.has_channels() || datum.has_data() || datum.float_data_size() > 0;
  if (!parsed || !has_fields) bad_item(path, key, what_instead_of_datum(value));
  if (datum.label() < 0) bad_item(path, key, "label " + std::to_string(datum.label()) + "; labels count from 0");
}

void parse_item(const std::string& path, std::string_view key, std::string_view value,
                const std::optional<Shape>& shape, proto::Datum& datum) {
  parse_stored(path, key, value, datum);
  if (datum.encoded()) decode(path, key, datum);
  check_values(path, key, datum);
  if (shape) check_shape(path, key, {datum.channels(), datum.height(), datum.width()}, *shape);
}

std::int32_t label_of(std::string_view value) {
  proto::Datum datum;
  return datum.ParseFromArray(value.data(), static_cast<int>(value.size())) ? datum.label() : 0;
}

}  // namespace qrun
