// A value of a database: refused by an Error, or an item with as many values as its shape says.
#include "data/datum.h"

#include "core/error.h"
#include "support.h"

namespace qrun::fuzz {

void one_input(std::string_view input) {
  proto::Datum datum;
  try {
    parse_item("folder", "key", input, std::nullopt, datum);
  } catch (const Error&) {
    return;
  }
  const Shape shape{datum.channels(), datum.height(), datum.width()};
  must_hold(shape.c > 0 && shape.h > 0 && shape.w > 0 && datum.label() >= 0, "no empty shape, no negative label");
  const auto bytes = static_cast<std::int64_t>(datum.data().size());
  must_hold(bytes == 0 || datum.float_data_size() == 0, "bytes or floats");
  must_hold(bytes + datum.float_data_size() == shape.size(), "as many values as the shape says");
  proto::Datum again;
  parse_item("folder", "key", input, shape, again);
}

}  // namespace qrun::fuzz
