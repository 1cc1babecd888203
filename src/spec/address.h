// Dotted addresses into a document: `solver.lr`, `network.conv*.quantize.weight.bits`.
#pragma once

#include <optional>
#include <string>

#include "spec/node.h"
#include "spec/problems.h"

namespace qrun::spec {

/// A value for an address: of an override, of `set:`, of a point of a sweep.
struct Assignment {
  std::string address;
  Position at;  // of the address; the value has its own
  Node value;
  bool is_axis = false;  // the values of an axis, from the command line
};

/// `KEY=VALUE`, VALUE being YAML. Every position in it is `command line: KEY=VALUE`.
/// Several values, `1,2,4` or `logspace(1e-3,1e-1,5)`, are an axis. Nothing where the text is no assignment, or VALUE
/// no YAML.
[[nodiscard]] std::optional<Assignment> parse_override(const std::string& text, Problems& problems);

/// Puts the value at the address. Maps on the way are made where they are missing, so that defaults can be replaced;
/// whether the keys mean anything is for the reader of the document to say. A layer pattern goes to the matching
/// layers that already hold the rest of the address, or to all matching ones if none does.
void assign(Node& root, const Assignment& assignment, Problems& problems);

}  // namespace qrun::spec
