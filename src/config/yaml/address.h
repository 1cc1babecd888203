// Dotted addresses into a document: `solver.lr`, `network.conv*.quantize.weight.bits`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/yaml/node.h"
#include "config/yaml/problems.h"

namespace qrun::config {

/// A value for an address: of an override, of `set:`, of a point of a sweep.
struct Assignment {
  std::string address;
  Position at;  // of the address; the value has its own
  Node value;
  bool is_axis = false;  // the values of an axis, from the command line
};

/// Reads `KEY=VALUE`, VALUE being YAML. Every position in it is `command line: KEY=VALUE`. Several values, `1,2,4` or
/// `logspace(1e-3,1e-1,5)`, are an axis. Nothing where the text is no assignment, or VALUE no YAML.
[[nodiscard]] std::optional<Assignment> parse_override(const std::string& text, Problems& problems);

/// What a map does where there is one: values of an axis merge as a `base` does, those of an override or `set` replace.
enum class MapValue : std::uint8_t { kReplaces, kMerges };

/// The addresses of the values in a map, or the one of another value.
[[nodiscard]] std::vector<std::string> leaf_addresses(const std::string& address, const Node& value);

/// The addresses that an axis sets by a value at `address`: of the values in a map, which merges. A variable and
/// `sweep` are replaced as a whole.
[[nodiscard]] std::vector<std::string> set_addresses(const std::string& address, const Node& value);

/// The address for each layer that assign() would go to where it has a layer pattern; else as it is.
[[nodiscard]] std::vector<std::string> places_of(const Node& root, const std::string& address);

/// Returns the set_addresses() at all places_of() an assignment.
[[nodiscard]] std::vector<std::string> set_places(const Node& root, const Assignment& assignment);

/// Puts the value at the address. Maps on the way are made where they are missing, so that defaults can be replaced;
/// whether the keys mean anything is for the reader of the document to say. A layer pattern goes to the matching
/// layers that already hold the rest of the address, or to all matching ones if none does.
void assign(Node& root, const Assignment& assignment, MapValue maps, Problems& problems);

}  // namespace qrun::config
