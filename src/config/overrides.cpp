#include "config/overrides.h"

#include <algorithm>
#include <optional>

#include "config/given.h"
#include "config/sweep/sweep.h"
#include "config/sweep/swept.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

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
  GivenValues given;
  for (const Assignment& assignment : parse_overrides(overrides, problems)) {
    if (const auto lost = given.add(document, assignment)) {
      problems.add(assignment.at, lost->address, "is given twice, first by " + lost->at.file.text() + "; keep one");
      continue;
    }
    Assignment axis = assignment;
    if (!axis.is_axis) axis.value = list_node({assignment.value});
    if (put_axis(document, axis, !assignment.is_axis, problems)) continue;
    assign(document, assignment, MapValue::kReplaces, problems);
    assigned.push_back(assignment);
  }
  return assigned;
}

void check_overrides(const Node& document, const std::vector<Assignment>& assigned, const Node& sweep,
                     Problems& problems) {
  const std::vector<SweptAddress> all = swept_addresses(sweep);
  const auto find = [&](const std::string& address) {
    return std::ranges::find_if(all, [&](const auto& swept) { return covers(swept.address, address); });
  };
  for (const Assignment& assignment : assigned) {
    const std::vector<std::string> given = set_places(document, assignment);
    if (std::ranges::any_of(given, [&](const std::string& address) { return find(address) == all.end(); })) continue;
    const SweptAddress& swept = *find(given.front());
    problems.add(assignment.at, assignment.address,
                 "is set by " + swept.where + " at " + to_string(swept.at) + ", too; change it there");
  }
}

}  // namespace qrun::config
