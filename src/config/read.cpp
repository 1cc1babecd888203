#include "config/read.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <unordered_set>

#include "config/fields/run.h"
#include "config/overrides.h"
#include "config/resolve.h"
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

namespace qrun {
namespace {

using config::Assignment;
using config::Node;
using config::Problems;

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
  (void)config::read_document(document, "excluded", found);
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
  return config::read_integer({filled, problems, "seed"}, config::kSeeds);
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
  std::vector<config::Resolved> runs = config::resolve(document, expanded.points, stem, problems);
  problems.throw_if_any();
  std::unordered_set<std::string> hashes;
  for (config::Resolved& one : runs) {
    if (hashes.insert(std::move(one.hash)).second) sweep.runs.push_back(std::move(one.run));
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
  sweep.text = config::emit(document, config::Quoting::kDocument);
  sweep.name = sweep.runs.front().name;
  sweep.output = sweep.runs.front().output;
  return sweep;
}

RunSpec read_run_text(const std::string& text, const std::string& file) {
  Problems problems;
  problems.add_source(file);
  const Node root = config::parse_document(text, file, problems);
  RunSpec run;
  run.name = "run";
  config::read_run(root, config::run_rows(), run, problems);
  problems.throw_if_any();
  return run;
}

}  // namespace qrun
