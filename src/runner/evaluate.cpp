#include "runner/evaluate.h"

#include <algorithm>

#include "config/read.h"
#include "core/error.h"
#include "core/log.h"
#include "data/dataset.h"
#include "data/mean_image.h"
#include "plan/lower.h"
#include "quant/all.h"
#include "runner/changed_data.h"
#include "runner/stored_blob.h"
#include "store/run_file.h"

namespace qrun {
namespace {

/// The run with its test set in place of its training set, which may have gone: nothing is trained here, and only a
/// mean image of the training images asks for them.
RunSpec with_test_set_alone(RunSpec spec) {
  if (!spec.data.mean_of_train) spec.data.train = spec.data.test;
  spec.data.train.batch_size = 2;  // a batch norm refuses fewer
  return spec;
}

/// Throws ConfigError where the data are not those that the run saw.
void refuse_other_data(const RunSpec& spec, const DataRecord& seen, const RunData& data) {
  DataRecord now;
  now.test.contents = data.test->contents();  // and nothing of what trained it
  if (data.mean_image.valid()) now.mean_hash = hash_of(data.mean_image.get());
  for (const DataChange& change : data_changes(spec, seen, now)) {
    throw ConfigError(change.position, change.key,
                      change.name + " has changed: the run saw " + change.was + ", now it holds " + change.is +
                          "; evaluate with the same data");
  }
}

const StoredBlob& blob_of(const std::string& file, const RunRecord& record, const Blob& param) {
  if (const StoredBlob* stored = find_stored(record, param)) return *stored;
  throw Error(file + ": no " + param.address().in_layer() + " of layer " + param.layer +
              " in the shape that its configuration says");
}

std::vector<float> decoded(const StoredBlob& blob) {
  if (blob.quant.method == kNoQuantizer) return blob.master;
  std::vector<float> values;
  const std::size_t slice = blob.quantized.codes.size() / blob.quantized.params.size();
  for (std::size_t i = 0; i < blob.quantized.codes.size(); ++i)
    values.push_back(decode(blob.quantized.codes[i], blob.quantized.params[i / slice]));
  return values;
}

}  // namespace

Evaluation evaluate(const std::string& run_file, Engine& engine) {
  const RunRecord record = read_run(run_file, ReadDepth::kAll);
  if (record.predictions.empty())
    throw Error(run_file + ": holds no final test to compare with (status " + name_of(record.status) + ")");
  const RunSpec spec = with_test_set_alone(read_run_text(record.config, run_file));
  const RunData data = open_data(spec.data);
  if (record.data) {
    refuse_other_data(spec, *record.data, data);
  } else {
    spdlog::warn(R"(no record of the data file="{}" action="compare the labels alone")", run_file);
  }
  const Plan plan = lower({spec}, {data.shape, data.train->items()});
  const std::unique_ptr<Program> program =
      engine.load(plan, {{make_feed(data, spec.data, Split::kTrain, spec.seed, plan.classes),
                          make_feed(data, spec.data, Split::kTest, spec.seed, plan.classes)}});
  TrainingState state = program->state(0);
  for (const StoredActivation& activation : record.activations) {
    const auto slot = std::ranges::find(plan.activations, activation.layer, &ActivationInfo::layer);
    if (slot != plan.activations.end()) state.statistics[static_cast<std::size_t>(slot->range)] = {activation.range};
  }
  if (const std::vector<std::string> missing = restore_statistics(record, plan, state); !missing.empty())
    throw Error(run_file + ": no running statistics of layer " + missing[0] +
                " in the shape that its configuration says");
  program->restore(0, state);
  for (std::size_t p = 0; p < plan.params.size(); ++p)
    program->set_values(0, static_cast<ParamId>(p), decoded(blob_of(run_file, record, plan.params[p])));
  const TestResult result = program->test(0).at(0);
  if (result.divergence)
    throw Error(run_file + ": " + result.divergence->what + " of layer " + result.divergence->layer +
                " is not finite with the stored weights");
  if (result.labels != record.labels)
    throw Error(run_file + ": the test data has changed since (other labels); evaluate with the same data");
  Evaluation evaluation{result.accuracy, result.loss, static_cast<std::int64_t>(result.labels.size()), 0};
  for (std::size_t i = 0; i < result.predictions.size(); ++i)
    evaluation.differing += result.predictions[i] != record.predictions[i] ? 1 : 0;
  for (const std::int64_t k : spec.metrics.more()) evaluation.top.emplace_back(k, top_accuracy(result.ranks, k));
  return evaluation;
}

}  // namespace qrun
