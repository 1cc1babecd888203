// What lies in databases of other programs in the place of a Datum.
#pragma once

#include <string>
#include <string_view>

namespace qrun {

/// What a value is that is no Datum of an image, and what to do: an empty one, a message of Caffe's relatives, a file.
[[nodiscard]] std::string what_instead_of_datum(std::string_view value);

}  // namespace qrun
