// A value of a database: refused by an Error, or an item with as many values as its shape says, all of them numbers.
#include "data/datum.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/foreign_value.h"
#include "support.h"

namespace qrun::fuzz {
namespace {

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char byte : bytes.substr(0, 4)) number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

/// A PNG file whose chunks have the sums that they should have: none that was changed by chance would.
std::string with_sums(std::string file) {
  for (std::size_t at = 8; at + 12 <= file.size();) {  // length (4), kind (4), content, sum (4)
    const std::size_t end = at + 8 + big_endian(std::string_view(file).substr(at));
    if (end + 4 > file.size()) break;
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(file.data()) + at + 4, static_cast<uInt>(end - at - 4));
    for (std::size_t i = 0; i < 4; ++i) file[end + i] = static_cast<char>(sum >> (24 - 8 * i));
    at = end + 4;
  }
  return file;
}

void parse(std::string_view input) {
  proto::Datum datum;
  try {
    parse_item("path", "key", input, std::nullopt, datum);
  } catch (const Error&) {
    return;
  }
  const Shape shape{datum.channels(), datum.height(), datum.width()};
  must_hold(shape.c > 0 && shape.h > 0 && shape.w > 0 && datum.label() >= 0, "no empty shape, no negative label");
  const auto bytes = static_cast<std::int64_t>(datum.data().size());
  must_hold(bytes == 0 || datum.float_data_size() == 0, "bytes or floats");
  must_hold(bytes + datum.float_data_size() == shape.size(), "as many values as the shape says");
  must_hold(std::ranges::all_of(datum.float_data(), [](float value) { return std::isfinite(value); }), "numbers");
  proto::Datum again;
  parse_item("path", "key", input, shape, again);
  must_hold(again.data() == datum.data(), "the same image each time");
}

}  // namespace

void one_input(std::string_view input) {
  parse(input);
  must_hold(!what_instead_of_datum(input).empty(), "every value is something");
  proto::Datum stored;
  if (!stored.ParseFromArray(input.data(), static_cast<int>(input.size())) || !stored.encoded()) return;
  stored.set_data(with_sums(stored.data()));
  parse(stored.SerializeAsString());
}

}  // namespace qrun::fuzz
