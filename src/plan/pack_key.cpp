// A binding names all members of its struct. One that is added stops the compiler here, until it is said whether the
// runs of a pack share it, which is always safe, or each has its own, which is faster.
#include "plan/pack_key.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qrun {
namespace {

constexpr std::int64_t kNone = -1;

std::string key_of(const SourceSpec& source) {
  const auto& [lmdb, synthetic_digits, batch_size, shuffle, data_seed, position] = source;
  return fmt::format("{:?} {} {} {}\n", lmdb, synthetic_digits, batch_size, data_seed);
}

/// How many means there are is checked once a pack, against its images.
std::string key_of(const DataSpec& data) {
  const auto& [train, test, scale, mean, crop, mirror, pad, mean_position, crop_position] = data;
  return key_of(train) + key_of(test) + fmt::format("{} {} {}\n", mean.size(), crop, pad);
}

std::string key_of(const LayerSpec& layer) {
  const auto& [name, type, input, params, init, weight, bias, weight_quant, bias_quant, activation_quant, position] =
      layer;
  return fmt::format("{} {} {} {}\n", name, type, input, params);
}

std::string key_of(const TrainSpec& train) {
  const auto& [epochs, iterations_per_epoch, test_every, log_every, checkpoint_every, keep, init_from, position] =
      train;
  return fmt::format("{} {} {} {} {}\n", epochs, iterations_per_epoch.value_or(kNone), test_every.value_or(kNone),
                     log_every.value_or(kNone), checkpoint_every);
}

std::string key_of(const OutputSpec& output) {
  const auto& [dir, activation_samples] = output;
  return fmt::format("{}\n", activation_samples);
}

}  // namespace

std::string pack_key(const RunSpec& run) {
  const auto& [name, seed, engine, precision, data, network, loss, solver, train, output, cluster, swept, known_hash] =
      run;
  std::string key = fmt::format("{} {} {}\n", static_cast<int>(engine), static_cast<int>(precision), loss);
  key += key_of(data) + key_of(train) + key_of(output);
  for (const LayerSpec& layer : network) key += key_of(layer);
  return key;
}

}  // namespace qrun
