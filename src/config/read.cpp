#include "config/read.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <unordered_set>

#include "config/fields/quantize.h"
#include "config/fields/run_fields.h"
#include "config/overrides.h"
#include "config/paths.h"
#include "config/sweep/sweep.h"
#include "config/sweep/sweep_points.h"
#include "config/sweep/swept.h"
#include "config/test_batch.h"
#include "config/yaml/address.h"
#include "config/yaml/document.h"
#include "config/yaml/emit.h"
#include "config/yaml/load.h"
#include "config/yaml/names.h"
#include "config/yaml/variables.h"
#include "core/machine.h"
#include "core/threads.h"

namespace qrun {
namespace {

using config::Assignment;
using config::NetworkDraft;
using config::Node;
using config::Problems;

constexpr std::size_t kWorthThreads = 100;  // points

/// Reads what the fields describe, then settles what needs the whole document.
RunSpec read_document(const Node& root, const std::string& name, bool is_file, Problems& problems) {
  RunSpec run;
  run.name = name;
  NetworkDraft draft{.layers = run.network};
  config::read_fields({root, "", problems}, is_file ? file_fields(run, draft) : run_fields(run, draft));
  config::apply_quantizers(draft);
  return run;
}

/// One run: the document with the values of a point put in. Every point starts from the same document.
RunSpec resolve(Node document, const config::Point& point, const std::string& default_name, Problems& problems) {
  for (const Assignment& assignment : point) assign(document, assignment, config::MapValue::kMerges, problems);
  fill_in_variables(document, problems);
  config::check_paths(document, problems);
  break_changes_of_patterns(document, problems);
  RunSpec run = read_document(document, default_name, true, problems);
  for (const Assignment& assignment : point)
    run.swept.emplace_back(assignment.address, config::emit_inline(assignment.value));
  return run;
}

/// All points on all processors; nothing where one has a mistake, so that they are found again in order.
std::vector<RunSpec> resolve_side_by_side(const Node& document, const std::vector<config::Point>& points,
                                          const std::string& default_name) {
  std::vector<RunSpec> runs(points.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    for (std::size_t i = next++; i < points.size() && !failed; i = next++) {
      Problems problems;
      try {
        runs[i] = resolve(document, points[i], default_name, problems);
        runs[i].known_hash = runs[i].hash();
      } catch (const ConfigError&) {
        failed = true;
      }
      if (!problems.empty()) failed = true;
    }
  };
  on_threads(usable_processors(), work);
  if (failed) runs.clear();
  return runs;
}

/// One point after the other, with every mistake.
std::vector<RunSpec> resolve_in_order(const Node& document, const std::vector<config::Point>& points,
                                      const std::string& default_name, Problems& problems) {
  std::vector<RunSpec> runs;
  for (const config::Point& point : points) {
    RunSpec run = resolve(document, point, default_name, problems);
    if (!problems.empty()) continue;
    run.known_hash = run.hash();
    runs.push_back(std::move(run));
  }
  return runs;
}

/// True for `network.conv1` on the way to `network.conv*.stride`.
bool leads_to(const std::string& key, const std::string& address) {
  const std::vector<std::string> keys = config::split(key, '.');
  const std::vector<std::string> patterns = config::split(address, '.');
  return keys.size() <= patterns.size() &&
         std::equal(keys.begin(), keys.end(), patterns.begin(),
                    [](const auto& a, const auto& b) { return config::matches(b, a); });
}

/// An address of `exclude` that names nothing is found where a document with a value there has a mistake. What is wrong
/// with the value, or missing beside it, is no run's.
void check_address(Node document, const Assignment& excluded, Problems& problems) {
  Problems found;
  assign(document, excluded, config::MapValue::kMerges, found);
  fill_in_variables(document, found);
  (void)read_document(document, "excluded", true, found);
  for (const Problems::Problem& problem : found.at(excluded.at)) {
    if (leads_to(problem.key, excluded.address)) problems.add(problem.at, problem.key, problem.text);
  }
}

/// The seed that replicates count from: the document's, with its variables filled in, read as a run's. Nothing where it
/// is wrong (then reported).
std::optional<std::uint64_t> read_base_seed(const Node& document, const Node& sweep, Problems& problems) {
  const Node* given = document.find("seed");
  if (given == nullptr) return RunSpec().seed;
  const Node* vars = document.find("vars");
  Node filled = *given;
  fill_in_variables(filled, "seed", vars == nullptr ? Node{} : *vars, swept_variables(sweep), problems);
  if (filled.is_scalar() && filled.scalar.find("${") != std::string::npos) {
    problems.add(*given, "seed", filled.scalar + " is swept, and replicates count from one seed; sweep seed itself");
    return std::nullopt;
  }
  return config::read_integer({filled, "seed", problems}, config::kSeeds);
}

}  // namespace

Sweep read_config(const std::string& path, const std::vector<std::string>& overrides) {
  Problems problems;
  Node document = config::load_document(path, problems);
  const std::vector<Assignment> assigned = config::apply_overrides(document, overrides, problems);
  const std::string stem = std::filesystem::path(path).stem().string();
  if (const Node* name = document.find("name"); (name == nullptr || name->is_null()) && !config::is_name(stem, "."))
    problems.add(document.at, "name", stem + ", the file's stem, is not a name; give one with name:");
  const Node* found = document.find("sweep");
  const Node written = found == nullptr ? Node() : *found;
  document.erase("sweep");
  const Node swept = fill_in_sweep(document, written, problems);
  check_overrides(document, assigned, swept, problems);
  check_whole_sweep(document, swept, problems);

  Sweep sweep{.is_sweep = !swept.is_null()};
  config::Points expanded = config::expand(
      swept, [&] { return read_base_seed(document, swept, problems); }, problems);
  check_points(document, expanded.points, problems);
  for (const Assignment& excluded : expanded.only_excluded) check_address(document, excluded, problems);
  if (expanded.points.empty()) expanded.points.emplace_back();  // to report what else is wrong
  sweep.warnings = std::move(expanded.warnings);
  std::vector<RunSpec> runs;
  if (problems.empty() && expanded.points.size() >= kWorthThreads)
    runs = resolve_side_by_side(document, expanded.points, stem);
  if (runs.empty()) runs = resolve_in_order(document, expanded.points, stem, problems);
  problems.throw_if_any();
  std::unordered_set<std::string> hashes;
  for (RunSpec& run : runs) {
    if (hashes.insert(run.known_hash).second) sweep.runs.push_back(std::move(run));
  }
  if (const std::size_t equal = expanded.points.size() - sweep.runs.size(); equal > 0)
    sweep.warnings.push_back(
        mistake_line(written.at, "sweep", "equal to an earlier point and left out: " + std::to_string(equal)));
  if (sweep.is_sweep) {
    document.add("sweep", written);
    if (document.find("name") == nullptr) document.add("name", config::text_node(stem));
  }
  if (std::string warning = config::test_batch_warning(sweep.runs); !warning.empty())
    sweep.warnings.push_back(std::move(warning));
  sweep.text = config::emit(document, config::Quoting::kPortable);
  sweep.name = sweep.runs.front().name;
  sweep.output = sweep.runs.front().output;
  return sweep;
}

RunSpec read_run_text(const std::string& text, const std::string& file) {
  Problems problems;
  problems.add_source(file);
  const Node root = config::parse_document(text, file, problems);
  RunSpec run = read_document(root, "run", false, problems);
  problems.throw_if_any();
  return run;
}

}  // namespace qrun
