#include "config/fields/run.h"

#include <algorithm>

#include "config/fields/network.h"
#include "config/sweep/sweep.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

void read_name(RunSpec& run, const Value& value) {
  const std::optional<std::string> read = read_text(value);
  if (!read) return;
  if (!is_name(*read, "."))
    return value.fail(*read + " is not a name; use up to 100 letters, digits, _, . and -, not starting with a dot");
  run.name = *read;
}

void read_network(RunSpec& run, const Value& value) { read_network(value, run.network); }
void write_network(const RunSpec& run, const Writing& to) { write_network(run.network, to); }

void read_loss(RunSpec& run, const Value& value) { read_loss(value, run.loss); }
void write_loss(const RunSpec& run, const Writing& to) { write_loss(run.loss, to); }

void read_cluster(RunSpec& run, const Value& value) { read_fields(value, kClusterFields, run.cluster.emplace()); }
void write_cluster(const RunSpec& run, const Writing& to) {
  if (!run.cluster) return to.sink.null();
  write_fields(kClusterFields, *run.cluster, to);
}
Node schema_of_cluster() { return schema_of(kClusterFields.rows); }

constexpr auto kRunFields = fields(
    text<&RunSpec::name>("name", "letters, digits, _, ., -; default: the file's stem", Role::kOutput)
        .read_by<read_name>(),
    integer<&RunSpec::seed>("seed", "of initial weights, shuffling and augmentation", Role::kNumber, kSeeds),
    choice<&RunSpec::engine>("engine", "auto: cuda if a device answers, else cpu; check: both, compared", Role::kSweep),
    choice<&RunSpec::precision>(
        "precision", "of products: fp32; tf32: tensor cores of the CUDA engine, 10 bits of mantissa", Role::kShape)
        .later(name_of(Precision::kFp32)),
    choice<&RunSpec::products>(
        "products", "of convolutions on CUDA: own; cudnn; auto: cudnn from the size on where it was measured faster",
        Role::kSweep),
    section<&RunSpec::data>("data", "training and test items", kDataFields).required(),
    field<RunSpec>("network", "the layers, each taking the one before it unless `input` says otherwise",
                   Role::kShape | Role::kNumber)
        .read_by<read_network>()
        .written_by<write_network>()
        .described_by<schema_of_network>()
        .required(),
    field<RunSpec>("loss", "mean over the batch, on the last layer; its name, or a map with its type",
                   Role::kShape | Role::kNumber)
        .read_by<read_loss>()
        .written_by<write_loss>()
        .described_by<schema_of_loss>(),
    section<&RunSpec::metrics>("metrics", "what tests report beside loss and accuracy", kMetricsFields),
    section<&RunSpec::solver>("solver", "how the master parameters are updated", kSolverFields).required(),
    section<&RunSpec::train>("train", "how long, and what is kept", kTrainFields).required(),
    section<&RunSpec::output>("output", "where results go", kOutputFields),
    field<RunSpec>("cluster", "how to submit the runs to a scheduler", kClusterFields.roles())
        .read_by<read_cluster>()
        .written_by<write_cluster>()
        .described_by<schema_of_cluster>()
        .nullable());

void pass_over(RunSpec& /*run*/, const Value& /*value*/) {}

/// A key of files that is taken out of the document, or read beside its runs.
constexpr Field<RunSpec> of_files(const char* name, const char* about) {
  return field<RunSpec>(name, about, Roles{0}).read_by<pass_over>();
}

Node schema_of_text() { return map_node({{"type", text_node("string")}}); }
Node schema_of_map() { return map_node({{"type", text_node("object")}}); }
Node schema_of_patterns() {
  return map_node({{"type", text_node("object")}, {"additionalProperties", schema_ref("quantizers")}});
}

constexpr auto kFileFields =
    kRunFields +
    fields(of_files("base", "a file, relative to this one, to merge over").described_by<schema_of_text>().literal(),
           of_files("set", "address -> value: changes single values of the base")
               .described_by<schema_of_map>()
               .literal()
               .nullable(),
           of_files("vars", "names to use as ${name}").described_by<schema_of_map>().literal().nullable(),
           of_files("quantize", "layer-name pattern -> quantizers, for blobs whose layer says nothing")
               .described_by<schema_of_patterns>()
               .nullable(),
           of_files("sweep", "the values to run: grid, zip, list, random, seeds, union, exclude")
               .described_by<schema_of_sweep>());

/// Each key is read whatever the others say, so that a sweep need not read again what its points leave alone.
static_assert(std::ranges::none_of(kFileFields.rows, [](const Row& row) {
  return row.is_refused != nullptr || row.is_unused != nullptr || row.complete != nullptr || row.decides;
}));

void collect_whole_sweep(Rows rows, const std::string& above, std::vector<std::string>& addresses) {
  for (const Row& row : rows) {
    const std::string address = key_address(above, row.name);
    if (row.roles != 0 && (row.roles & kDefining) == 0) addresses.push_back(address);
    if ((row.roles & kDefining) != 0) collect_whole_sweep(row.below, address, addresses);
  }
}

}  // namespace

Rows run_rows() { return kRunFields.rows; }
Rows file_rows() { return kFileFields.rows; }

const std::vector<std::string>& whole_sweep_addresses() {
  static const std::vector<std::string> kAddresses = [] {
    std::vector<std::string> addresses;
    collect_whole_sweep(run_rows(), "", addresses);
    return addresses;
  }();
  return kAddresses;
}

void read_run(const Node& root, Rows rows, RunSpec& run, Problems& problems) {
  const Part part{rows, &run};
  read_parts({root, problems, ""}, {&part, 1});
}

void write_run(const RunSpec& run, const Writing& to) {
  const ConstPart part{run_rows(), &run};
  write_parts({&part, 1}, to);
}

}  // namespace qrun::config
