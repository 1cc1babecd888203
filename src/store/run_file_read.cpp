#include "core/error.h"
#include "quant/all.h"
#include "store/blob_io.h"
#include "store/h5.h"
#include "store/run_file.h"

namespace qrun {
namespace {

constexpr std::int64_t kFormatVersion = 1;

/// Fills a member of a list of structs from a data set; the first column sets the length, the others must match.
template <class Row, class T>
void read_column(const h5::Group& group, const char* name, std::vector<Row>& rows, T Row::*member, bool first = false) {
  const std::vector<T> values = group.read<T>(name);
  if (first) rows.resize(values.size());
  if (values.size() != rows.size()) group.fail(name, "has another length than the columns before it");
  for (std::size_t i = 0; i < values.size(); ++i) rows[i].*member = values[i];
}

void check_format(const h5::Group& root) {
  if (!root.has_attribute("format") || !root.has_attribute("format_version") || root.text("format") != "qrun-run") {
    throw Error(root.file() + ": an HDF5 file, but not a run of qrun (no attribute format = qrun-run)");
  }
  const auto version = root.number<std::int64_t>("format_version");
  if (version > kFormatVersion) {
    throw Error(root.file() + ": format_version " + std::to_string(version) + " is newer than this program's " +
                std::to_string(kFormatVersion) + "; update qrun");
  }
}

void read_identity(const h5::Group& root, RunRecord& r) {
  r.run_id = root.text("run_id");
  r.name = root.text("name");
  r.status = root.text("status");
  if (r.status == "failed") r.error = root.text("error");
  r.config = root.text("config");
  r.seed = root.number<std::uint64_t>("seed");
  r.engine = root.text("engine");
  r.arithmetic = root.text("arithmetic");
  r.device = root.text("device");
  r.instruction_set = root.text("instruction_set");
  r.hostname = root.text("hostname");
  r.threads = root.number<std::int32_t>("threads");
  r.qrun_version = root.text("qrun_version");
  r.git_commit = root.text("git_commit");
  r.started = root.text("started");
  r.finished = root.text("finished");
  r.wall_seconds = root.number<double>("wall_seconds");
  r.best_test_accuracy = root.number<double>("best_test_accuracy");
  r.final_test_accuracy = root.number<double>("final_test_accuracy");
}

void read_metrics(const h5::Group& metrics, RunRecord& r) {
  const h5::Group train = metrics.open("train");
  read_column(train, "epoch", r.train, &TrainPoint::epoch, true);
  read_column(train, "iteration", r.train, &TrainPoint::iteration);
  read_column(train, "loss", r.train, &TrainPoint::loss);
  read_column(train, "loss_mean", r.train, &TrainPoint::loss_mean);
  read_column(train, "lr", r.train, &TrainPoint::lr);
  read_column(train, "images_per_second", r.train, &TrainPoint::images_per_second);
  const h5::Group test = metrics.open("test");
  read_column(test, "epoch", r.test, &TestPoint::epoch, true);
  read_column(test, "iteration", r.test, &TestPoint::iteration);
  read_column(test, "loss", r.test, &TestPoint::loss);
  read_column(test, "accuracy", r.test, &TestPoint::accuracy);
  if (metrics.has("confusion")) r.classes = metrics.dims("confusion").at(0);
  if (!metrics.has("iterations")) return;
  const h5::Group iterations = metrics.open("iterations");
  read_column(iterations, "iteration", r.iterations, &IterationPoint::iteration, true);
  read_column(iterations, "loss", r.iterations, &IterationPoint::loss);
  read_column(iterations, "lr", r.iterations, &IterationPoint::lr);
}

void read_weights(const h5::Group& weights, RunRecord& r) {
  for (const std::string& layer : weights.names()) {
    const h5::Group blobs = weights.open(layer);
    for (const std::string& name : blobs.names()) {
      const h5::Group group = blobs.open(name);
      StoredBlob blob{.layer = layer,
                      .blob = name,
                      .dims = group.dims("master"),
                      .quant = {},
                      .quantized = {},
                      .master = group.read<float>("master")};
      if (group.has("codes")) {
        read_codes(group, blob.quant, blob.quantized);
        if (blob.quantized.codes.size() != blob.master.size()) group.fail("codes", "has another size than master");
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
    const h5::Group codes = group.object("codes");
    a.quant.method = AllQuantizers::find(codes.text("method"));
    a.quant.bits = codes.number<std::int32_t>("bits");
    const h5::Dims dims = group.dims("codes");
    if (dims.size() != 4) group.fail("codes", "four dimensions expected");
    a.shape = {dims[1], dims[2], dims[3]};
    a.quantized.codes = group.read<std::int32_t>("codes");
    read_column(group, "scale", a.quantized.params, &QParams::scale, true);
    read_column(group, "offset", a.quantized.params, &QParams::offset);
    if (group.has_attribute("range_ema")) a.range = group.number<double>("range_ema");
    r.activations.push_back(std::move(a));
  }
}

/// Swept values in the text that YAML would give them.
void read_params(const h5::Group& params, RunRecord& r) {
  const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  std::vector<std::string> names;
  H5Aiterate2(params.id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, collect, &names);
  for (const std::string& name : names) r.swept.emplace_back(name, params.attribute_text(name));
}

}  // namespace

RunRecord read_run(const std::string& path, ReadDepth depth) {
  const h5::File file = h5::File::open(path);
  const h5::Group& root = file.root();
  check_format(root);
  RunRecord record;
  read_identity(root, record);
  read_params(root.open("params"), record);
  read_metrics(root.open("metrics"), record);
  record.network_json = root.open("network").text("json");
  if (depth == ReadDepth::kSummary) return record;
  if (root.has("test")) {
    record.labels = root.open("test").read<std::int32_t>("labels");
    record.predictions = root.open("test").read<std::int32_t>("predictions");
    if (record.labels.size() != record.predictions.size()) root.fail("test", "labels and predictions differ in number");
  }
  read_weights(root.open("weights"), record);
  if (root.has("activations")) read_activations(root.open("activations"), record);
  return record;
}

}  // namespace qrun
