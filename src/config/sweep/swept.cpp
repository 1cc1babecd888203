#include "config/sweep/swept.h"

#include <algorithm>
#include <utility>

#include "config/yaml/address.h"
#include "config/yaml/names.h"
#include "config/yaml/variables.h"

namespace qrun::config {
namespace {

/// What the values of an axis set: its address, or what the maps among them hold.
void add_axis(const Entry& axis, const std::vector<Node>& values, const std::string& where,
              std::vector<SweptAddress>& found) {
  std::set<std::string> addresses;
  for (const Node& value : values) {
    if (!value.is_map()) continue;
    for (std::string& address : set_addresses(axis.key, value)) addresses.insert(std::move(address));
  }
  if (addresses.empty() || !std::ranges::all_of(values, &Node::is_map)) addresses.insert(axis.key);
  for (const std::string& address : addresses) found.push_back({address, axis.key_at, where});
}

void collect(const Node& sweep, const std::string& where, std::vector<SweptAddress>& found) {
  for (const Entry& factor : sweep.entries) {
    const std::string here = key_address(where, factor.key);
    const Node* space = factor.value.find("space");
    if (factor.key == "grid" || factor.key == "zip") {
      for (const Entry& axis : factor.value.entries) add_axis(axis, axis.value.items, here, found);
    }
    if (factor.key == "random" && space != nullptr) {
      for (const Entry& axis : space->entries) {
        const Node* choice = axis.value.find("choice");
        add_axis(axis, choice == nullptr ? std::vector<Node>{} : choice->items, key_address(here, "space"), found);
      }
    }
    for (std::size_t i = 0; i < factor.value.items.size(); ++i) {
      const Node& item = factor.value.items[i];
      const std::string address = item_address(here, factor.value, i);
      if (factor.key == "union") collect(item, address, found);
      if (factor.key != "list") continue;
      for (const Entry& axis : item.entries) add_axis(axis, {axis.value}, address, found);
    }
  }
}

}  // namespace

std::vector<SweptAddress> swept_addresses(const Node& sweep) {
  std::vector<SweptAddress> found;
  collect(sweep, "sweep", found);
  return found;
}

std::set<std::string> swept_variables(const Node& sweep) {
  std::set<std::string> names;
  for (const SweptAddress& swept : swept_addresses(sweep)) {
    const std::vector<std::string> parts = split(swept.address, '.');
    if (parts.size() > 1 && parts[0] == "vars") names.insert(parts[1]);
  }
  return names;
}

Node fill_in_sweep(const Node& document, const Node& sweep, Problems& problems) {
  const Node* vars = document.find("vars");
  std::set<std::string> later = swept_variables(sweep);
  for (;;) {  // a variable may hold axes: they are seen once it is filled in
    Node filled = sweep;
    Problems found = problems;
    fill_in_variables(filled, "sweep", vars == nullptr ? Node{} : *vars, later, found);
    std::set<std::string> all = swept_variables(filled);
    all.insert(later.begin(), later.end());
    if (all == later) {
      problems = std::move(found);
      return filled;
    }
    later = std::move(all);
  }
}

}  // namespace qrun::config
