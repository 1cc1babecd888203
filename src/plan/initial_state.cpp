#include "plan/initial_state.h"

#include <cmath>

#include "math/rng.h"

namespace qrun {
namespace {

/// The streams of a run's seed that a blob draws from.
struct Streams {
  std::uint64_t values = 0, sparsity = 0;
};

double fan_of(const Blob& weight, Fan fan) {
  const auto in = static_cast<double>(weight.fan_in);
  if (fan == Fan::kIn) return in;
  const std::int64_t of_an_input = weight.size() / weight.dims.at(1);
  const auto out = static_cast<double>(of_an_input);
  return fan == Fan::kOut ? out : (in + out) / 2.0;
}

/// False for values of a sparse gaussian that are 0.
bool is_drawn(const Blob& blob, const InitSpec& init, std::uint64_t seed, std::uint64_t stream, std::uint64_t i) {
  const double share = static_cast<double>(init.sparse) / static_cast<double>(blob.dims[0]);
  return init.sparse == 0 || random_uniform(seed, stream, i) < share;
}

/// The masters of a blob.
std::vector<float> drawn(const Blob& blob, const InitSpec& init, std::uint64_t seed, const Streams& streams) {
  const bool by_fan = init.type == InitType::kXavier || init.type == InitType::kHe;
  const double fan = by_fan ? fan_of(blob, init.fan) : 1.0;
  const std::uint64_t stream = streams.values;
  std::vector<float> values(static_cast<std::size_t>(blob.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    double v = init.value;
    switch (init.type) {
      case InitType::kXavier: v = std::sqrt(3.0 / fan) * (2.0 * random_uniform(seed, stream, i) - 1.0); break;
      case InitType::kHe: v = std::sqrt(2.0 / fan) * random_normal(seed, stream, i); break;
      case InitType::kUniform: v += (init.high - init.value) * random_uniform(seed, stream, i); break;
      case InitType::kGaussian:
        v *= random_normal(seed, stream, i);
        if (init.mean != 0.0) v += init.mean;
        if (!is_drawn(blob, init, seed, streams.sparsity, i)) v = 0.0;
        break;
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
  std::uint32_t number = 0, other = 0;  // among weights and biases of products, and among the rest
  for (std::size_t p = 0; p < plan.params.size(); ++p) {
    const Blob& blob = plan.params[p];
    const bool counted = blob.role == BlobRole::kWeight || blob.role == BlobRole::kBias;
    const Streams streams =
        counted ? Streams{stream::of_blob(number), stream::of_sparsity(number)} : Streams{stream::of_other_blob(other)};
    ++(counted ? number : other);
    const std::vector<float> none(static_cast<std::size_t>(blob.size()), 0.0F);
    state.params.push_back({drawn(blob, settings.params[p].init, settings.seed, streams),
                            std::vector<std::vector<float>>(histories, none)});
  }
  for (const Blob& blob : plan.statistics)
    state.statistics.emplace_back(static_cast<std::size_t>(blob.size()), info_of(blob.role).start.value());
  return state;
}

}  // namespace qrun
