#include "config/sweep/sweep_points.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "config/fields/run.h"
#include "config/sweep/swept.h"
#include "config/yaml/names.h"
#include "config/yaml/references.h"

namespace qrun::config {
namespace {

/// Why the address is no axis; "" where it is one.
std::string refusal_of(const std::string& address) {
  const auto lies_in = [&](const std::string& key) { return address == key || address.starts_with(key + "."); };
  if (lies_in("sweep")) return "can't be swept itself; sweep what the runs differ in";
  const auto key = std::ranges::find_if(whole_sweep_addresses(), lies_in);
  if (key == whole_sweep_addresses().end()) return "";
  return *key + " holds for a whole sweep and is no axis; give it one value, outside of sweep";
}

/// The address behind the layer, where there is one.
std::string_view behind_layer(std::string_view address) {
  return address.starts_with("network.") ? address.substr(std::min(address.find('.', 8), address.size())) : address;
}

/// False where no address of the one can lie in the other; quick, as a sweep has many points.
bool may_replace(const std::string& later, const std::string& earlier) {
  if (!is_pattern(later)) return earlier.starts_with(later + ".");
  return later != earlier && (behind_layer(earlier).starts_with(behind_layer(later)) ||
                              behind_layer(later).starts_with(behind_layer(earlier)));
}

/// True where `later` sets all that `earlier` sets, which then has no effect.
bool replaces(const Node& document, const Assignment& later, const Assignment& earlier) {
  if (!may_replace(later.address, earlier.address)) return false;
  const std::vector<std::string> all = set_places(document, later);
  return std::ranges::all_of(set_places(document, earlier), [&](const std::string& address) {
    return std::ranges::any_of(all, [&](const std::string& set) { return covers(set, address); });
  });
}

void check_point(const Node& document, const Point& point, Problems& problems) {
  for (auto a = point.begin(); a != point.end(); ++a) {
    if (const std::string refusal = refusal_of(a->address); !refusal.empty()) problems.add(a->at, a->address, refusal);
    if (std::any_of(point.begin(), a, [&](const Assignment& b) { return a->address == b.address; }))
      problems.add(a->at, a->address, "is swept twice; keep one of its axes");
    const auto later = std::find_if(a + 1, point.end(), [&](const Assignment& b) { return replaces(document, b, *a); });
    if (later != point.end())
      problems.add(a->at, a->address,
                   "is swept, and replaced by " + later->address + " behind it; keep one of the two");
  }
}

const Node* find_value(const Node& document, const std::string& address) {
  const Node* node = &document;
  for (const std::string& key : split(address, '.')) node = node == nullptr ? nullptr : node->find(key);
  return node;
}

}  // namespace

void check_points(const Node& document, const std::vector<Point>& points, Problems& problems) {
  for (const Point& point : points) check_point(document, point, problems);
}

void check_whole_sweep(const Node& document, const Node& sweep, Problems& problems) {
  const std::set<std::string> names = with_dependents(document, swept_variables(sweep));
  for (const std::string& address : whole_sweep_addresses()) {
    const Node* value = find_value(document, address);
    const auto found = value == nullptr ? std::nullopt : find_reference(*value, address, names);
    if (!found) continue;
    problems.add(*found->text, found->address,
                 found->text->scalar + " is swept, and " + address +
                     " holds for a whole sweep; use no variable of the sweep there");
  }
}

}  // namespace qrun::config
