// What is settled before a pack trains.
#include <algorithm>
#include <span>

#include "core/error.h"
#include "core/hash128.h"
#include "core/home.h"
#include "plan/initial_state.h"
#include "runner/pack.h"
#include "runner/stored_blob.h"

namespace qrun {

void check_labels(const RunSpec& run, const RunData& data, std::int64_t classes) {
  const std::int32_t largest = data.largest_label;
  if (largest < classes) return;
  const LayerSpec& last = run.network.back();
  throw ConfigError(last.position, "network." + last.name,
                    std::to_string(classes) + " outputs, but the data has label " + std::to_string(largest) +
                        "; at least " + std::to_string(largest + 1));
}

namespace {

/// Throws ConfigError where statistics of a frozen layer are missing; where they move they may be.
void refuse_to_freeze(const RunSpec& run, const std::vector<std::string>& missing) {
  for (const LayerSpec& layer : run.network) {
    const auto* norm = std::get_if<BatchNorm2dLayer>(&layer.params);
    if (norm == nullptr || !norm->frozen || std::ranges::find(missing, layer.name) == missing.end()) continue;
    throw ConfigError(run.train.init_from_position, "train.init_from",
                      run.train.init_from + " holds no running statistics of layer " + layer.name +
                          ", which is frozen; choose a run of the same network");
  }
}

/// What a run begins with of another one's file.
struct InitialState {
  std::vector<std::vector<float>> masters;  // in the order of the plan
  std::vector<std::vector<double>> statistics;
};

InitialState initial_of(const RunSpec& run, const Plan& plan) {
  const RunRecord source = read_run(expand_home(run.train.init_from), ReadDepth::kAll);
  InitialState initial;
  TrainingState state;
  state.statistics = initial_state(plan, 0).statistics;
  refuse_to_freeze(run, restore_statistics(source, plan, state));
  initial.statistics = std::move(state.statistics);
  for (const Blob& param : plan.params) {
    const StoredBlob* stored = find_stored(source, param);
    if (stored == nullptr || stored->master.empty()) {
      throw ConfigError(run.train.init_from_position, "train.init_from",
                        run.train.init_from + " holds no " + param.address().in_layer() + " of layer " + param.layer +
                            " in this network's shape; choose a run of the same network");
    }
    initial.masters.push_back(stored->master);
  }
  return initial;
}

/// Returns the hash of each blob's masters, in the order of the plan, and of the statistics of batch norms.
std::string hash_of(const InitialState& initial, const Plan& plan) {
  Hash128 hash;
  for (const std::vector<float>& master : initial.masters) hash.add(std::as_bytes(std::span(master)));
  for (std::size_t i = 0; i < plan.statistics.size(); ++i) {
    if (plan.statistics[i].role != BlobRole::kRange) hash.add(std::as_bytes(std::span(initial.statistics[i])));
  }
  return hash.text();
}

}  // namespace

FirstState first_state(const RunSpec& run, const Plan& plan, int index) {
  FirstState first{.state = initial_state(plan, index), .init_from_hash = {}};
  if (run.train.init_from.empty()) return first;
  const InitialState initial = initial_of(run, plan);
  for (std::size_t p = 0; p < initial.masters.size(); ++p) first.state.params[p].master = initial.masters[p];
  first.state.statistics = initial.statistics;
  first.init_from_hash = hash_of(initial, plan);
  return first;
}

std::string initial_hash(const RunSpec& run, const DataInfo& data) {
  try {
    const Plan plan = lower({run}, data);
    return hash_of(initial_of(run, plan), plan);
  } catch (const ConfigError&) {
    return "of another network";
  } catch (const Error&) {
    return "";
  }
}

void check_initial(const RunSpec& run, const Plan& plan) {
  if (run.train.init_from.empty()) return;
  try {
    static_cast<void>(initial_of(run, plan));
  } catch (const Error& error) {
    throw ConfigError(run.train.init_from_position, "train.init_from",
                      std::string(error.what()) + "; name the .h5 file of a run");
  }
}

}  // namespace qrun
