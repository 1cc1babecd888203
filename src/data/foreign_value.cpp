// A message that holds another one begins with field 1 of wire type 2. SSD's AnnotatedDatum holds a Datum there, and
// behind it what lies in the image; Caffe2's TensorProtos holds the image as one tensor, its label as a second.
#include "data/foreign_value.h"

#include <span>

#include "data/datum.pb.h"
#include "data/decode_image.h"

namespace qrun {
namespace {

constexpr char kMessageInFieldOne = 0x0a;  // field 1 << 3 | wire type 2

constexpr const char* kWriteDatum = "; write one Datum an image, as README.md shows under `Where data comes from`";

/// Returns what a value is that begins with a message in a message; "" for another.
std::string kind_of_message(std::string_view value) {
  proto::Nested nested;
  if (!nested.ParseFromArray(value.data(), static_cast<int>(value.size())) || nested.message_size() == 0) return "";
  proto::Datum inner;
  const bool has_datum = nested.message_size() == 1 && inner.ParseFromString(nested.message(0));
  if (has_datum && (inner.has_width() || inner.has_encoded()))
    return "an AnnotatedDatum, as SSD's Caffe writes to say what lies where in an image; qrun learns one label an "
           "image";
  if (nested.message_size() > 1) return "Caffe2's TensorProtos, not Caffe's Datum";
  return "a message in a message, not Caffe's Datum";
}

std::string kind_of(std::string_view value) {
  if (value.empty()) return "an empty value";
  if (value[0] == kMessageInFieldOne) {
    if (std::string kind = kind_of_message(value); !kind.empty()) return kind;
  }
  const std::string format = image_format(std::as_bytes(std::span(value)));
  if (!format.empty()) return "a " + format + " file without a label, not a Caffe Datum";
  return "not a Caffe Datum";
}

}  // namespace

std::string what_instead_of_datum(std::string_view value) { return kind_of(value) + kWriteDatum; }

}  // namespace qrun
