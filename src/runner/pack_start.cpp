// What is settled before a pack trains.
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

/// The stored blob of each parameter, in the order of the plan.
std::vector<StoredBlob> initial_blobs(const RunSpec& run, const Plan& plan) {
  const RunRecord source = read_run(expand_home(run.train.init_from), ReadDepth::kAll);
  std::vector<StoredBlob> blobs;
  for (const Blob& param : plan.params) {
    const StoredBlob* stored = find_stored(source, param);
    if (stored == nullptr || stored->master.empty()) {
      throw ConfigError(run.train.init_from_position, "train.init_from",
                        run.train.init_from + " holds no " + param.address().in_layer() + " of layer " + param.layer +
                            " in this network's shape; choose a run of the same network");
    }
    blobs.push_back(*stored);
  }
  return blobs;
}

/// Of each blob, in the order of the plan.
std::string hash_of(const std::vector<StoredBlob>& blobs) {
  Hash128 hash;
  for (const StoredBlob& blob : blobs) hash.add(std::as_bytes(std::span(blob.master)));
  return hash.text();
}

}  // namespace

FirstState first_state(const RunSpec& run, const Plan& plan, int index) {
  FirstState first{.state = initial_state(plan, index), .init_from_hash = {}};
  if (run.train.init_from.empty()) return first;
  const std::vector<StoredBlob> blobs = initial_blobs(run, plan);
  for (std::size_t p = 0; p < blobs.size(); ++p) first.state.params[p].master = blobs[p].master;
  first.init_from_hash = hash_of(blobs);
  return first;
}

std::string initial_hash(const RunSpec& run, const DataInfo& data) {
  try {
    return hash_of(initial_blobs(run, lower({run}, data)));
  } catch (const ConfigError&) {
    return "of another network";
  } catch (const Error&) {
    return "";
  }
}

void check_initial(const RunSpec& run, const Plan& plan) {
  if (run.train.init_from.empty()) return;
  try {
    static_cast<void>(initial_blobs(run, plan));
  } catch (const Error& error) {
    throw ConfigError(run.train.init_from_position, "train.init_from",
                      std::string(error.what()) + "; name the .h5 file of a run");
  }
}

}  // namespace qrun
