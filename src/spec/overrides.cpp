#include "spec/overrides.h"

#include <algorithm>
#include <map>
#include <optional>

#include "spec/names.h"
#include "spec/sweep.h"
#include "spec/swept.h"

namespace qrun::spec {
namespace {

/// What an override gives a value to.
std::vector<std::string> given_addresses(const Assignment& assignment) {
  if (!assignment.is_axis) return leaf_addresses(assignment.address, assignment.value);
  std::vector<std::string> addresses = {"sweep.grid." + assignment.address};
  for (const Node& value : assignment.value.items) {
    for (std::string& set : set_addresses(assignment.address, value)) addresses.push_back(std::move(set));
  }
  if (addresses.size() == 1) addresses.push_back(assignment.address);
  return addresses;
}

/// True where an earlier override gave a value that this one replaces (then reported): it would be lost.
bool is_repeated(const Assignment& assignment, std::map<std::string, std::string>& given, Problems& problems) {
  const std::vector<std::string> addresses = given_addresses(assignment);
  const auto is_replaced = [&](const auto& earlier) {
    const std::string& address = earlier.first;
    if (std::ranges::find(addresses, address) != addresses.end()) return true;
    const bool is_whole = address == assignment.address || address.starts_with(assignment.address + ".");
    return (is_whole && !assignment.is_axis) || address == "sweep.grid." + assignment.address;
  };
  if (const auto lost = std::ranges::find_if(given, is_replaced); lost != given.end()) {
    problems.add(assignment.at, lost->first, "is given twice, first by " + lost->second + "; keep one");
    return true;
  }
  for (const std::string& address : addresses) given.emplace(address, assignment.at.file.text());
  return false;
}

/// The overrides, those of the sweep first: axes and values of the others go into what they leave.
std::vector<Assignment> parse_overrides(const std::vector<std::string>& overrides, Problems& problems) {
  std::vector<Assignment> parsed;
  for (const std::string& text : overrides) {
    if (std::optional<Assignment> assignment = parse_override(text, problems)) parsed.push_back(*assignment);
  }
  const auto is_of_sweep = [](const Assignment& a) { return a.address == "sweep" || a.address.starts_with("sweep."); };
  std::stable_partition(parsed.begin(), parsed.end(), is_of_sweep);
  return parsed;
}

}  // namespace

std::vector<Assignment> apply_overrides(Node& document, const std::vector<std::string>& overrides, Problems& problems) {
  std::vector<Assignment> assigned;
  std::map<std::string, std::string> given;
  for (const Assignment& assignment : parse_overrides(overrides, problems)) {
    if (is_repeated(assignment, given, problems)) continue;
    Assignment axis = assignment;
    if (!axis.is_axis) axis.value = list_node({assignment.value});
    if (put_axis(document, axis, !assignment.is_axis, problems)) continue;
    assign(document, assignment, MapValue::kReplaces, problems);
    assigned.push_back(assignment);
  }
  return assigned;
}

void check_overrides(const std::vector<Assignment>& assigned, const Node& sweep, Problems& problems) {
  const std::vector<SweptAddress> all = swept_addresses(sweep);
  const auto find = [&](const std::string& address) {
    return std::ranges::find_if(all, [&](const auto& swept) { return covers(swept.address, address); });
  };
  for (const Assignment& assignment : assigned) {
    const std::vector<std::string> given = set_addresses(assignment.address, assignment.value);
    if (std::ranges::any_of(given, [&](const std::string& address) { return find(address) == all.end(); })) continue;
    const SweptAddress& swept = *find(given.front());
    problems.add(assignment.at, assignment.address,
                 "is set by " + swept.where + " at " + to_string(swept.at) + ", too; change it there");
  }
}

}  // namespace qrun::spec
