// One item of a database: Caffe's Datum, checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/shape.h"
#include "data/datum.pb.h"

namespace qrun {

/// Throws Error: item `key` of the database `path` has this `problem`.
[[noreturn]] void bad_item(const std::string& path, std::string_view key, const std::string& problem);

/// Parses and checks one value; `shape` is that of the first item, if any came before. Afterwards `datum` has as many
/// bytes, or floats, as its shape says. Throws Error.
void parse_item(const std::string& path, std::string_view key, std::string_view value,
                const std::optional<Shape>& shape, proto::Datum& datum);

}  // namespace qrun
