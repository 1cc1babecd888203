#include "config/resolve.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "config/fields/patterns.h"
#include "config/fields/run.h"
#include "config/paths.h"
#include "config/yaml/address.h"
#include "config/yaml/emit.h"
#include "config/yaml/names.h"
#include "config/yaml/references.h"
#include "config/yaml/variables.h"
#include "core/machine.h"
#include "core/threads.h"

namespace qrun::config {
namespace {

constexpr std::size_t kWorthThreads = 100;  // points

/// Some keys of a document, and what reads them. `vars` is among the keys of each.
struct Section {
  Node document;
  std::vector<Row> rows;
  std::size_t elsewhere = 0;  // nodes of the rest of the document
};

/// Reads the section with the values of a point put in. Every point starts from the same document; the one that was
/// read is returned.
Node read_section(const Section& section, const Point& point, RunSpec& run, Problems& problems) {
  Node document = section.document;
  for (const Assignment& assignment : point) assign(document, assignment, MapValue::kMerges, problems);
  fill_in_variables(document, problems, section.elsewhere);
  check_paths(document, problems);
  break_changes_of_patterns(document, problems);
  read_run(document, section.rows, run, problems);
  apply_patterns(document, run.network, problems);
  return document;
}

Section whole(const Node& document) { return {document, {file_rows().begin(), file_rows().end()}}; }

/// The run of a point, from what was read of it already and the section that its values lie in.
Resolved resolve(RunSpec run, const Section& section, const Point& point, Problems& problems) {
  (void)read_section(section, point, run, problems);
  for (const Assignment& assignment : point) run.swept.emplace_back(assignment.address, emit_inline(assignment.value));
  std::string hash = problems.empty() ? run.hash() : "";
  return {std::move(run), std::move(hash)};
}

/// The keys that differ between points: those that points set, and that name variables which points set.
std::set<std::string> differing_keys(const Node& document, const std::vector<Point>& points) {
  std::set<std::string> keys;
  std::set<std::string> variables;
  for (const Point& point : points) {
    for (const Assignment& assignment : point) {
      const std::vector<std::string> parts = split(assignment.address, '.');
      const bool is_variable = parts[0] == "vars" && parts.size() > 1;
      (is_variable ? variables : keys).insert(parts[is_variable ? 1 : 0]);
    }
  }
  variables = with_dependents(document, std::move(variables));
  for (const Entry& entry : document.entries) {
    if (entry.key != "vars" && find_reference(entry.value, "", variables)) keys.insert(entry.key);
  }
  if (keys.contains("network") || keys.contains("quantize")) keys.insert({"network", "quantize"});
  return keys;
}

/// The keys for which `is_in` holds.
template <class IsIn>
Section part_of(const Section& whole, const IsIn& is_in) {
  Section part{map_node({}), {}};
  part.document.at = whole.document.at;
  const auto belongs = [&](std::string_view key) { return key == "vars" || is_in(std::string(key)); };
  std::ranges::copy_if(whole.document.entries, std::back_inserter(part.document.entries), belongs, &Entry::key);
  std::ranges::copy_if(whole.rows, std::back_inserter(part.rows), belongs, &Row::name);
  return part;
}

/// All points on all processors. What is the same in all of them is read once: no key is read by what another says, but
/// the network by `quantize`. Nothing where there is a mistake, so that all are found again, in order.
std::vector<Resolved> resolve_side_by_side(const Node& document, const std::vector<Point>& points,
                                           const std::string& name) {
  const std::set<std::string> keys = differing_keys(document, points);
  const Section all = whole(document);
  const Section same = part_of(all, [&](const std::string& key) { return !keys.contains(key); });
  Section differing = part_of(all, [&](const std::string& key) { return keys.contains(key); });
  std::vector<Resolved> runs(points.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  RunSpec start;
  start.name = name;
  const auto try_to = [&](const auto& read) {
    Problems problems;
    try {
      read(problems);
    } catch (const ConfigError&) {
      failed = true;
    }
    if (!problems.empty()) failed = true;
  };
  try_to([&](Problems& problems) {
    Node read = read_section(same, {}, start, problems);
    read.erase("vars");
    differing.elsewhere = count_nodes(read) - 1;  // each section has a root
  });
  on_threads(usable_processors(), [&] {
    for (std::size_t i = next++; i < points.size() && !failed; i = next++)
      try_to([&](Problems& problems) { runs[i] = resolve(start, differing, points[i], problems); });
  });
  if (failed) runs.clear();
  return runs;
}

}  // namespace

RunSpec read_document(const Node& root, const std::string& name, Problems& problems) {
  RunSpec run;
  run.name = name;
  read_run(root, file_rows(), run, problems);
  apply_patterns(root, run.network, problems);
  return run;
}

std::vector<Resolved> resolve(const Node& document, const std::vector<Point>& points, const std::string& name,
                              Problems& problems) {
  std::vector<Resolved> runs;
  if (problems.empty() && points.size() >= kWorthThreads) runs = resolve_side_by_side(document, points, name);
  if (!runs.empty()) return runs;
  const Section all = whole(document);
  RunSpec start;
  start.name = name;
  for (const Point& point : points) {
    Resolved run = resolve(start, all, point, problems);
    if (problems.empty()) runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace qrun::config
