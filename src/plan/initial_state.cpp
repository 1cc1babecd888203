#include "plan/initial_state.h"

#include <cmath>

#include "core/error.h"
#include "math/rng.h"

namespace qrun {
namespace {

/// Draws the masters of a blob from a stream of the run's seed.
std::vector<float> drawn(const Blob& blob, const InitSpec& init, std::uint64_t seed, std::uint64_t stream) {
  const auto fan_in = static_cast<double>(blob.fan_in);
  std::vector<float> values(static_cast<std::size_t>(blob.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    double v = init.value;
    switch (init.type) {
      case InitType::kXavier: v = std::sqrt(3.0 / fan_in) * (2.0 * random_uniform(seed, stream, i) - 1.0); break;
      case InitType::kHe: v = std::sqrt(2.0 / fan_in) * random_normal(seed, stream, i); break;
      case InitType::kGaussian: v = init.value * random_normal(seed, stream, i); break;
      case InitType::kConstant: break;
    }
    values[i] = static_cast<float>(v);
  }
  return values;
}

}  // namespace

TrainingState initial_state(const Plan& plan, int run) {
  const RunSettings& settings = plan.runs[static_cast<std::size_t>(run)];
  const auto histories = static_cast<std::size_t>(history_of(settings.solver.type).count);
  TrainingState state;
  std::uint32_t number = 0;  // among weights and biases
  for (std::size_t p = 0; p < plan.params.size(); ++p) {
    const Blob& blob = plan.params[p];
    const InitSpec& init = settings.params[p].init;
    const bool counted = blob.role == BlobRole::kWeight || blob.role == BlobRole::kBias;
    QRUN_CHECK(counted || init.type == InitType::kConstant, "other roles need streams of their own to draw from");
    const std::vector<float> none(static_cast<std::size_t>(blob.size()), 0.0F);
    state.params.push_back(
        {drawn(blob, init, settings.seed, stream::of_blob(number)), std::vector<std::vector<float>>(histories, none)});
    if (counted) ++number;
  }
  for (const Blob& blob : plan.statistics)
    state.statistics.emplace_back(static_cast<std::size_t>(blob.size()), info_of(blob.role).start.value());
  return state;
}

}  // namespace qrun
