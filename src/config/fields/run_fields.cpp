#include "config/fields/run_fields.h"

#include <algorithm>

#include "config/fields/sections.h"
#include "config/sweep/sweep.h"
#include "config/yaml/emit.h"
#include "config/yaml/names.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

const Names kEngines = {"auto", "cpu", "cuda", "check"};
const Names kPrecisions = {"fp32", "tf32"};
const Names kLosses = {"softmax_cross_entropy"};

Field name_field(std::string& name) {
  Field field = text("name", "letters, digits, _, ., -; default: the file's stem", name);
  field.read = [&name](const Value& value) {
    const std::optional<std::string> read = read_text(value);
    if (!read) return;
    if (!is_name(*read, ".")) {
      return value.fail(*read + " is not a name; use up to 100 letters, digits, _, . and -, not starting with a dot");
    }
    name = *read;
  };
  return field;
}

/// A key that only files have: consumed before the document is read, so that nothing is left to do here.
Field consumed(const char* name, const char* about, const char* type) {
  Field field;
  field.name = name;
  field.about = about;
  field.read = [](const Value& /*value*/) {};
  field.schema = [type] { return map_node({{"type", text_node(type)}}); };
  field.is_literal = true;
  field.nullable = type != std::string_view("string");
  return field;
}

/// Taken out of the document before its runs are read.
Field sweep_field() {
  Field field;
  field.name = "sweep";
  field.about = "the values to run: grid, zip, list, random, seeds, union, exclude";
  field.read = [](const Value& /*value*/) {};
  field.schema = schema_of_sweep;
  return field;
}

void make_portable(Node& node) {
  if (node.is_scalar() && !node.quoted) node.scalar = portable_number(node.scalar);
  for (Node& item : node.items) make_portable(item);
  for (Entry& entry : node.entries) make_portable(entry.value);
}

}  // namespace

Fields run_fields(RunSpec& run, NetworkDraft& draft) {
  return list_of(
      name_field(run.name), integer("seed", "of initial weights, shuffling and augmentation", run.seed, kSeeds),
      choice("engine", "auto: cuda if a device answers, else cpu; check: both, compared", kEngines, run.engine),
      choice("precision", "of products: fp32; tf32: tensor cores of the CUDA engine, 10 bits of mantissa", kPrecisions,
             run.precision),
      required(section("data", "training and test items", data_fields(run.data))), network_field(draft),
      choice(
          "loss", "mean over the batch, on the last layer", kLosses, [] { return std::size_t{0}; }, [](std::size_t) {}),
      required(section("solver", "how the master parameters are updated", solver_fields(run.solver))),
      required(section("train", "how long, and what is kept", train_fields(run.train))),
      section("output", "where results go", output_fields(run.output)), cluster_field(run.cluster));
}

Fields file_fields(RunSpec& run, NetworkDraft& draft) {
  Fields fields = run_fields(run, draft);
  fields.push_back(consumed("base", "a file, relative to this one, to merge over", "string"));
  fields.push_back(consumed("set", "address -> value: changes single values of the base", "object"));
  fields.push_back(consumed("vars", "names to use as ${name}", "object"));
  fields.push_back(patterns_field(draft));
  fields.push_back(sweep_field());
  return fields;
}

Node run_node(const RunSpec& run) {
  RunSpec copy = run;
  NetworkDraft draft{.layers = copy.network};
  return write_fields(run_fields(copy, draft));
}

std::string run_text(const RunSpec& run) {
  Node root = run_node(run);
  make_portable(root);
  return emit(root, Quoting::kPortable);
}

}  // namespace qrun::config
