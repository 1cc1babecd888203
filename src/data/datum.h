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

/// Parses one value, and checks that it is a Datum and has a label; its image is not looked at. Throws Error.
void parse_stored(const std::string& path, std::string_view key, std::string_view value, proto::Datum& datum);

/// Parses and checks one value; `shape` is that of the first item, if any came before. Afterwards `datum` has as many
/// bytes, or floats, as its shape says: of an image that was compressed, those that it decodes to. Throws Error.
void parse_item(const std::string& path, std::string_view key, std::string_view value,
                const std::optional<Shape>& shape, proto::Datum& datum);

/// The label of a value that need not be sound: then 0.
[[nodiscard]] std::int32_t label_of(std::string_view value);

}  // namespace qrun
