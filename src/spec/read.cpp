#include "spec/read.h"

#include <filesystem>
#include <span>

#include "spec/address.h"
#include "spec/document.h"
#include "spec/load.h"
#include "spec/names.h"
#include "spec/run_fields.h"
#include "spec/variables.h"

namespace qrun {
namespace {

using spec::Assignment;
using spec::NetworkDraft;
using spec::Node;
using spec::Problems;

/// Reads what the fields describe, then settles what needs the whole document.
RunSpec read_document(const Node& root, const std::string& name, bool is_file, Problems& problems) {
  RunSpec run;
  run.name = name;
  NetworkDraft draft{.layers = run.network};
  spec::read_fields({root, "", problems}, is_file ? file_fields(run, draft) : run_fields(run, draft));
  spec::apply_quantizers(draft);
  return run;
}

/// One run: the document with these values put in. Every point of a sweep starts from the same document.
RunSpec resolve(Node document, std::span<const Assignment> assignments, const std::string& default_name,
                Problems& problems) {
  for (const Assignment& assignment : assignments) assign(document, assignment, problems);
  fill_in_variables(document, problems);
  const bool is_named = document.find("name") != nullptr && !document.find("name")->is_null();
  if (!is_named && !spec::is_name(default_name, ".")) {
    problems.add(document.at, "name", default_name + ", the file's stem, is not a name; give one with name:");
  }
  return read_document(document, default_name, true, problems);
}

}  // namespace

Sweep read_config(const std::string& path, const std::vector<std::string>& overrides) {
  Problems problems;
  const Node document = spec::load_document(path, problems);
  std::vector<Assignment> assignments;
  for (const std::string& text : overrides) {
    if (auto assignment = spec::parse_override(text, problems)) assignments.push_back(std::move(*assignment));
  }
  RunSpec run = resolve(document, assignments, std::filesystem::path(path).stem().string(), problems);
  problems.throw_if_any();
  Sweep sweep{run.name, run.output, {}};
  sweep.runs.push_back(std::move(run));
  return sweep;
}

RunSpec read_run_text(const std::string& text, const std::string& file) {
  Problems problems;
  problems.add_source(file);
  const Node root = spec::parse_document(text, file, problems);
  RunSpec run = read_document(root, "run", false, problems);
  problems.throw_if_any();
  return run;
}

}  // namespace qrun
