#include <algorithm>
#include <optional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "quant/all.h"
#include "store/blob_io.h"
#include "store/data_io.h"
#include "store/h5.h"
#include "store/run_file.h"
#include "store/run_summary.h"
#include "store/typed_value.h"

namespace qrun {
namespace {

/// One data set for a member of a list of structs.
template <class Row, class T>
void write_column(const h5::Group& group, const char* name, const std::vector<Row>& rows, T Row::*member) {
  std::vector<T> values;
  for (const Row& row : rows) values.push_back(row.*member);
  group.write(name, values, {static_cast<std::int64_t>(values.size())});
}

/// A group of columns, the first one the dimension scale of the others.
template <class Row, class Table>
void write_columns(const h5::Group& metrics, const char* name, const std::vector<Row>& rows, const Table& table) {
  const h5::Group group = metrics.create(name);
  std::vector<std::string> names;
  for_each_row(table, [&](const auto& column) {
    write_column(group, column.name, rows, column.member);
    names.emplace_back(column.name);
  });
  for (const std::string& column : names) group.label(column, {names.front()});
}

/// A swept value in the type that its YAML text has.
void write_param(const h5::Group& group, const std::string& path, const std::string& text) {
  std::visit([&](const auto& value) { group.attribute(path, value); }, typed_value(text));
}

void write_params(const h5::Group& root, const RunRecord& r) {
  const h5::Group group = root.create("params");
  for (const auto& [path, text] : r.swept) write_param(group, path, text);
}

void write_confusion(const h5::Group& metrics, const RunRecord& r) {
  const auto is_class = [&](std::int32_t c) { return c >= 0 && c < r.classes; };
  std::vector<std::int64_t> counts(static_cast<std::size_t>(r.classes * r.classes));
  for (std::size_t i = 0; i < r.labels.size(); ++i) {  // a label beyond the network's outputs has no row
    if (!is_class(r.labels[i]) || !is_class(r.predictions.at(i))) continue;
    ++counts[static_cast<std::size_t>(r.labels[i] * r.classes + r.predictions[i])];
  }
  metrics.write("confusion", counts, {r.classes, r.classes});
  metrics.label("confusion", {"true", "predicted"});
}

void write_top(const h5::Group& test, const RunRecord& r) {
  for (const TopAccuracy& top : r.top) {
    test.write(top_name(top.k), top.tests, {std::ssize(top.tests)});
    test.label(top_name(top.k), {std::get<0>(kTestMetrics).name});
  }
}

void write_metrics(const h5::Group& root, const RunRecord& r) {
  const h5::Group metrics = root.create("metrics");
  write_columns(metrics, "train", r.train, kTrainMetrics);
  write_columns(metrics, "test", r.test, kTestMetrics);
  write_top(metrics.open("test"), r);
  if (!r.iterations.empty()) write_columns(metrics, "iterations", r.iterations, kIterationMetrics);
  if (!r.labels.empty()) write_confusion(metrics, r);
}

void write_test(const h5::Group& root, const RunRecord& r) {
  if (r.labels.empty()) return;
  const h5::Group test = root.create("test");
  test.write("labels", r.labels, {static_cast<std::int64_t>(r.labels.size())});
  test.write("predictions", r.predictions, {static_cast<std::int64_t>(r.predictions.size())});
  for (const char* name : {"labels", "predictions"}) test.label(name, {"item"});
}

void write_weights(const h5::Group& root, const RunRecord& r) {
  const h5::Group weights = root.create("weights");
  for (const StoredBlob& blob : r.weights) {
    const std::string& name = blob.address.layer;
    const h5::Group layer = weights.has(name) ? weights.open(name) : weights.create(name);
    const h5::Group group = layer.create(blob.address.name);
    const std::vector<std::string> axes(kBlobAxes.begin(), kBlobAxes.begin() + std::ssize(blob.dims));
    if (blob.quant.method != kNoQuantizer) {
      write_codes(group, blob.quant, blob.quantized, blob.dims);
      group.label("codes", axes);
    }
    group.write("master", blob.master, blob.dims);
    group.label("master", axes);
  }
}

void write_activation(const h5::Group& group, const StoredActivation& a) {
  const auto samples = static_cast<std::int64_t>(a.quantized.params.size());
  write_integers(group, "codes", a.quantized.codes, code_bits(a.quant), {samples, a.shape.c, a.shape.h, a.shape.w});
  write_column(group, "scale", a.quantized.params, &QParams::scale);
  write_column(group, "offset", a.quantized.params, &QParams::offset);
  write_settings(group.object("codes"), a.quant);
  write_settings(group, a.quant);
  if (a.range >= 0) group.attribute("range_ema", a.range);
  group.label("codes", {"sample", "channel", "row", "column"});
  for (const char* name : {"scale", "offset"}) group.label(name, {"sample"});
}

void write_activations(const h5::Group& root, const RunRecord& r) {
  if (r.activations.empty()) return;
  const h5::Group activations = root.create("activations");
  for (const StoredActivation& a : r.activations) (void)activations.create(a.layer);
  const auto samples = std::ssize(r.activations.back().quantized.params);
  const auto write_first = [&](const char* name, const std::vector<std::int32_t>& all) {
    const std::vector<std::int32_t> first(all.begin(), all.begin() + std::min(std::ssize(all), samples));
    activations.write(name, first, {std::ssize(first)});
    activations.label(name, {"sample"});  // the layers below share it
  };
  write_first("labels", r.labels);
  write_first("predictions", r.predictions);
  for (const StoredActivation& a : r.activations) write_activation(activations.open(a.layer), a);
}

void write_statistics(const h5::Group& root, const RunRecord& r) {
  if (r.statistics.empty()) return;
  const h5::Group all = root.create("statistics");
  for (const StoredStatistics& s : r.statistics) {
    const h5::Group group = all.create(s.layer);
    group.write("mean", s.mean, {std::ssize(s.mean)});
    group.write("variance", s.variance, {std::ssize(s.variance)});
    for (const char* name : {"mean", "variance"}) group.label(name, {"channel"});
    group.write("count", std::vector<double>{s.count}, {}, h5::Storage::kPlain);
  }
}

}  // namespace

void write_summary(const h5::Group& root, const RunRecord& record, const char* format) {
  root.attribute("format", format);
  root.attribute("format_version", kFormatVersion);
  write_attributes(root, record);
  for (const TopAccuracy& top : record.top) root.attribute(final_top_name(top.k), top.final_test);
  write_params(root, record);
  if (record.data) write_data(root, *record.data);
  write_metrics(root, record);
  root.create("network").attribute("json", record.network_json);
}

void add_params(const std::string& path, const std::vector<std::pair<std::string, std::string>>& swept) {
  h5::File file = h5::File::copy(path);
  const h5::Group group = file.root().open("params");
  for (const auto& [address, text] : swept) write_param(group, address, text);
  write_atomically(path, std::move(file).image());
}

void write_run(const std::string& path, const RunRecord& record) {
  h5::File file = h5::File::create(path);
  const h5::Group& root = file.root();
  write_summary(root, record, kRunFormat);
  write_test(root, record);
  write_weights(root, record);
  write_activations(root, record);
  write_statistics(root, record);
  write_atomically(path, std::move(file).image());
}

}  // namespace qrun
