// What is settled before a pack trains.
#include <algorithm>

#include "core/error.h"
#include "runner/pack.h"

namespace qrun {

void check_labels(const RunSpec& run, const RunData& data, std::int64_t classes) {
  const std::int32_t largest = largest_label(data);
  if (largest < classes) return;
  const LayerSpec& last = run.network.back();
  throw ConfigError(last.position, "network." + last.name,
                    std::to_string(classes) + " outputs, but the data has label " + std::to_string(largest) +
                        "; at least " + std::to_string(largest + 1));
}

void load_initial(const std::string& file, const Plan& plan, RunState& state) {
  const RunRecord source = read_run(file, ReadDepth::kAll);
  for (std::size_t p = 0; p < plan.params.size(); ++p) {
    const ParamInfo& info = plan.params[p];
    const auto at = std::ranges::find_if(
        source.weights, [&](const StoredBlob& blob) { return blob.layer == info.layer && blob.blob == info.blob(); });
    if (at == source.weights.end() || at->dims != info.dims) {
      throw ConfigError({file, 0, 0}, "train.init_from",
                        std::string("holds no ") + info.blob() + " of layer " + info.layer +
                            " in this network's shape; choose a run of the same network");
    }
    state.params[p].master = at->master;
  }
}

}  // namespace qrun
