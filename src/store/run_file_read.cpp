#include <algorithm>

#include "config/yaml/scalars.h"
#include "core/error.h"
#include "quant/all.h"
#include "store/blob_io.h"
#include "store/data_io.h"
#include "store/h5.h"
#include "store/run_file.h"
#include "store/run_summary.h"

namespace qrun {
namespace {

/// Fills a member of a list of structs from a data set; the first column sets the length, the others must match.
template <class Row, class T>
void read_column(const h5::Group& group, const char* name, std::vector<Row>& rows, T Row::*member, bool first = false) {
  const std::vector<T> values = group.read<T>(name);
  if (first) rows.resize(values.size());
  if (values.size() != rows.size()) group.fail(name, "has another length than the columns before it");
  for (std::size_t i = 0; i < values.size(); ++i) rows[i].*member = values[i];
}

template <class Row, class Table>
void read_columns(const h5::Group& group, std::vector<Row>& rows, const Table& table) {
  bool first = true;
  for_each_row(table, [&](const auto& column) {
    if (!column.is_later || group.has(column.name)) read_column(group, column.name, rows, column.member, first);
    first = false;
  });
}

void check_format(const h5::Group& root, const std::string& format) {
  if (!root.has_attribute("format") || !root.has_attribute("format_version") || root.text("format") != format) {
    throw NotARun(root.file() + ": an HDF5 file, but not a run of qrun (no attribute format = " + format + ")");
  }
  const auto version = root.number<std::int64_t>("format_version");
  if (version > kFormatVersion) {
    throw Unreadable(root.file() + ": format_version " + std::to_string(version) + " is newer than this program's " +
                     std::to_string(kFormatVersion) + "; update qrun");
  }
}

/// Readers make tables of [epoch] from these numbers.
void check_epochs(const h5::Group& metrics, const RunRecord& r) {
  for (std::size_t i = 0; i < r.train.size(); ++i) {
    if (r.train[i].epoch != static_cast<std::int64_t>(i)) metrics.fail("train/epoch", "does not count from 0");
  }
  if (std::ranges::any_of(r.test, [](const TestPoint& test) { return test.epoch < 0; }))
    metrics.fail("test/epoch", "holds a negative epoch");
}

void read_top(const h5::Group& test, RunRecord& r) {
  for (const std::string& name : test.names()) {
    const std::optional<std::int64_t> k = parse_top_name(name);
    if (!k) continue;
    r.top.push_back({.k = *k, .tests = test.read<double>(name)});
    if (r.top.back().tests.size() != r.test.size()) test.fail(name, "has another length than the columns before it");
  }
}

void read_metrics(const h5::Group& metrics, RunRecord& r) {
  read_columns(metrics.open("train"), r.train, kTrainMetrics);
  read_columns(metrics.open("test"), r.test, kTestMetrics);
  read_top(metrics.open("test"), r);
  check_epochs(metrics, r);
  if (metrics.has("confusion")) {
    const h5::Dims dims = metrics.dims("confusion");
    if (dims.size() != 2 || dims[0] != dims[1]) metrics.fail("confusion", "is not square");
    r.classes = dims[0];
  }
  if (metrics.has("iterations")) read_columns(metrics.open("iterations"), r.iterations, kIterationMetrics);
}

void read_weights(const h5::Group& weights, RunRecord& r) {
  for (const std::string& layer : weights.names()) {
    const h5::Group blobs = weights.open(layer);
    for (const std::string& name : blobs.names()) {
      const h5::Group group = blobs.open(name);
      const bool has_codes = group.has("codes");
      StoredBlob blob{.address = {layer, Place::kLayer, name},
                      .dims = group.dims(has_codes ? "codes" : "master"),
                      .quant = {},
                      .quantized = {},
                      .master = {}};
      if (has_codes) read_codes(group, blob.quant, blob.quantized);
      if (!has_codes || group.has("master")) {  // codes are enough to compute with
        if (group.dims("master") != blob.dims) group.fail("codes", "has another shape than master");
        blob.master = group.read<float>("master");
      }
      r.weights.push_back(std::move(blob));
    }
  }
}

void read_activations(const h5::Group& activations, RunRecord& r) {
  for (const std::string& layer : activations.names()) {
    if (!activations.is_group(layer)) continue;
    const h5::Group group = activations.open(layer);
    StoredActivation a;
    a.layer = layer;
    a.quant = read_settings(group.object("codes"));
    const h5::Dims dims = group.dims("codes");
    if (dims.size() != 4) group.fail("codes", "four dimensions expected");
    a.shape = {dims[1], dims[2], dims[3]};
    a.quantized.codes = read_integers(group, "codes", code_bits(a.quant));
    read_column(group, "scale", a.quantized.params, &QParams::scale, true);
    read_column(group, "offset", a.quantized.params, &QParams::offset);
    if (std::ssize(a.quantized.params) != dims[0]) group.fail("scale", "as many as samples expected");
    if (group.has_attribute("range_ema")) a.range = group.number<double>("range_ema");
    r.activations.push_back(std::move(a));
  }
}

void read_statistics(const h5::Group& statistics, RunRecord& r) {
  for (const std::string& layer : statistics.names()) {
    if (!statistics.is_group(layer)) continue;
    const h5::Group group = statistics.open(layer);
    StoredStatistics s{.layer = layer, .mean = group.read<float>("mean"), .variance = group.read<float>("variance")};
    if (s.mean.size() != s.variance.size()) group.fail("variance", "has another length than mean");
    const std::vector<double> count = group.read<double>("count");
    if (count.size() != 1) group.fail("count", "is not one number");
    s.count = count[0];
    r.statistics.push_back(std::move(s));
  }
}

std::string real_text(double value) {
  const std::string text = config::format_number(value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;  // n: nan, inf
}

/// A swept value as YAML text that reads back to the same value and type.
std::string param_text(const h5::Group& params, const std::string& name) {
  switch (params.attribute_kind(name)) {
    case h5::Kind::kFlag: return params.number<std::int8_t>(name) != 0 ? "true" : "false";
    case h5::Kind::kSigned: return std::to_string(params.number<std::int64_t>(name));
    case h5::Kind::kUnsigned: return std::to_string(params.number<std::uint64_t>(name));
    case h5::Kind::kReal: return real_text(params.number<double>(name));
    default: return params.text(name);
  }
}

/// Reads where the numbers come from: what runs must agree in, beside their configurations, to be compared.
void read_origin(const h5::Group& root, RunRecord& r) {
  const auto add = [&](const h5::Group& group, const char* attribute, const std::string& name) {
    if (group.has_attribute(attribute)) r.origin.emplace_back(name, group.text(attribute));
  };
  for (const char* name : {"engine", "products", "init_from_hash"}) add(root, name, name);
  if (!root.has("data")) return;
  const h5::Group data = root.open("data");
  for (const std::string& name : data.names()) add(data.object(name), "hash", "data." + name + ".hash");
}

void read_params(const h5::Group& params, RunRecord& r) {
  for (const std::string& name : params.attribute_names()) r.swept.emplace_back(name, param_text(params, name));
}

}  // namespace

RunRecord read_summary(const h5::Group& root, const char* format) {
  check_format(root, format);
  RunRecord record{read_attributes(root)};
  read_origin(root, record);
  read_params(root.open("params"), record);
  record.data = read_data(root);
  read_metrics(root.open("metrics"), record);
  for (TopAccuracy& top : record.top) {
    if (root.has_attribute(final_top_name(top.k))) top.final_test = root.number<double>(final_top_name(top.k));
  }
  if (!root.has_attribute("final_test_loss") && record.status == RunStatus::kComplete && !record.test.empty())
    record.final_test_loss = record.test.back().loss;  // of a file of before there was one
  record.network_json = root.open("network").text("json");
  return record;
}

RunRecord read_run(const std::string& path, ReadDepth depth) {
  const h5::File file = h5::File::open(path);
  const h5::Group& root = file.root();
  RunRecord record = read_summary(root, kRunFormat);
  if (depth == ReadDepth::kSummary) return record;
  if (root.has("test")) {
    record.labels = root.open("test").read<std::int32_t>("labels");
    record.predictions = root.open("test").read<std::int32_t>("predictions");
    if (record.labels.size() != record.predictions.size()) root.fail("test", "labels and predictions differ in number");
  }
  read_weights(root.open("weights"), record);
  if (root.has("activations")) read_activations(root.open("activations"), record);
  if (root.has("statistics")) read_statistics(root.open("statistics"), record);
  return record;
}

}  // namespace qrun
