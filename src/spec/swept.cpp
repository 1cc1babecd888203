#include "spec/swept.h"

#include <utility>

#include "spec/names.h"
#include "spec/variables.h"

namespace qrun::spec {
namespace {

void add_keys(const Node& map, const std::string& where, std::vector<SweptAddress>& found) {
  for (const Entry& entry : map.entries) found.push_back({entry.key, entry.key_at, where});
}

void collect(const Node& sweep, const std::string& where, std::vector<SweptAddress>& found) {
  for (const Entry& factor : sweep.entries) {
    const std::string here = key_address(where, factor.key);
    const Node* space = factor.value.find("space");
    if (factor.key == "grid" || factor.key == "zip") add_keys(factor.value, here, found);
    if (factor.key == "random" && space != nullptr) add_keys(*space, key_address(here, "space"), found);
    for (std::size_t i = 0; i < factor.value.items.size(); ++i) {
      const Node& item = factor.value.items[i];
      const std::string address = item_address(here, factor.value, i);
      if (factor.key == "list") add_keys(item, address, found);
      if (factor.key == "union") collect(item, address, found);
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

}  // namespace qrun::spec
