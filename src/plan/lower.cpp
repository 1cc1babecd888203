#include "plan/lower.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/machine.h"
#include "math/rng.h"
#include "plan/builder.h"
#include "plan/fuse.h"
#include "plan/layers.h"
#include "plan/memory.h"
#include "quant/all.h"

namespace qrun {
namespace {

/// A quantizer op behind the layer where any run of the pack has one; the layer's output for those that read it.
BufferId quantize_output(Builder& b, const std::vector<RunSpec>& runs, std::size_t layer, BufferId x) {
  const bool any = std::ranges::any_of(
      runs, [&](const RunSpec& run) { return run.network[layer].activation_quant.method != kNoQuantizer; });
  if (!any) return x;
  const std::string& name = runs[0].network[layer].name;
  const SlotId slot = b.add_activation(name, x);
  const BufferId y = b.add_buffer(name, b.shape(x), b.has_gradient(x));
  b.forward(QuantizeOp{x, y, slot});
  if (b.has_gradient(x)) b.backward(QuantizeBackwardOp{x, y, slot});
  return y;
}

const LayerSpec& layer_of(const RunSpec& run, const std::string& name) {
  return *std::ranges::find_if(run.network, [&](const LayerSpec& layer) { return layer.name == name; });
}

RunSettings settings_of(const RunSpec& run, const Plan& plan, std::int64_t train_items) {
  RunSettings settings;
  settings.seed = run.seed;
  settings.solver = run.solver;
  settings.iterations = run.train.epochs * iterations_per_epoch(run, train_items);
  for (const ParamInfo& param : plan.params) {
    const LayerSpec& layer = layer_of(run, param.layer);
    const ParamSpec& mult = param.is_bias ? layer.bias : layer.weight;
    const InitSpec init = param.is_bias ? InitSpec{InitType::kConstant, 0} : layer.init;
    settings.params.push_back(
        {param.is_bias ? layer.bias_quant : layer.weight_quant, mult.lr_mult, mult.decay_mult, init});
  }
  for (const ActivationInfo& slot : plan.activations) {
    settings.activations.push_back(layer_of(run, slot.layer).activation_quant);
  }
  return settings;
}

/// Bytes that a process can address on today's processors: no machine trains a layer that takes more.
constexpr std::int64_t kAddressable = std::int64_t{1} << 47;

/// What the layer has added to the plan, behind these buffers and parameters.
void refuse_too_large(const Plan& plan, std::size_t buffers, std::size_t params, const LayerSpec& layer) {
  std::int64_t bytes = 0;
  for (std::size_t i = buffers; i < plan.buffers.size(); ++i) bytes = plus(bytes, bytes_of(plan, plan.buffers[i]));
  for (std::size_t i = params; i < plan.params.size(); ++i) bytes = plus(bytes, bytes_of(plan.params[i], 0));
  if (bytes <= kAddressable) return;
  const std::string size = bytes == kTooLarge ? "more bytes than 64 bits count" : gibibytes(bytes);
  throw ConfigError(layer.position, "network." + layer.name,
                    "takes " + size + " of memory, which no machine has (output " +
                        to_string(plan.buffers.back().shape) + ", batches of " +
                        std::to_string(std::max(plan.train_batch, plan.test_batch)) +
                        "); use smaller parameters or batches");
}

}  // namespace

std::int64_t iterations_per_epoch(const RunSpec& spec, std::int64_t train_items) {
  const std::int64_t fallback = std::max<std::int64_t>(1, train_items / spec.data.train.batch_size);
  return spec.train.iterations_per_epoch.value_or(fallback);
}

Plan lower(const std::vector<RunSpec>& runs, const DataInfo& data) {
  QRUN_CHECK(!runs.empty(), "a pack holds at least one run");
  const RunSpec& spec = runs[0];
  Plan start;
  start.input = data.shape;
  start.precision = spec.precision;
  start.train_batch = spec.data.train.batch_size;
  start.test_batch = spec.data.test.batch_size;
  Builder builder(std::move(start));
  const BufferId images = builder.add_buffer("data", data.shape, false);
  std::map<std::string, BufferId> outputs{{"data", images}};
  BufferId last = images;
  for (std::size_t i = 0; i < spec.network.size(); ++i) {
    const LayerSpec& layer = spec.network[i];
    const std::size_t buffers = builder.plan().buffers.size();
    const std::size_t params = builder.plan().params.size();
    last = quantize_output(builder, runs, i, lower_layer(builder, layer, outputs.at(layer.input.at(0))));
    refuse_too_large(builder.plan(), buffers, params, layer);
    outputs[layer.name] = last;
  }
  const LayerSpec& score = spec.network.back();
  const Shape logits = builder.shape(last);
  if (logits.h != 1 || logits.w != 1 || !builder.has_gradient(last)) {
    throw ConfigError(score.position, "network." + score.name,
                      "the loss needs one score a class from trained layers, this layer gives " + to_string(logits) +
                          "; end the network with a linear layer");
  }
  builder.loss(SoftmaxCrossEntropyOp{last, logits.c});
  Plan plan = std::move(builder).finish();
  plan.images = images;
  plan.logits = last;
  plan.classes = logits.c;
  plan = fuse_quantize_pool(std::move(plan));
  for (const RunSpec& run : runs) plan.runs.push_back(settings_of(run, plan, data.train_items));
  return plan;
}

std::vector<float> initial_values(const Plan& plan, int run, ParamId param) {
  const RunSettings& settings = plan.runs[static_cast<std::size_t>(run)];
  const ParamInfo& info = plan.params[static_cast<std::size_t>(param)];
  const InitSpec& init = settings.params[static_cast<std::size_t>(param)].init;
  const std::uint64_t stream = stream::kInit + static_cast<std::uint64_t>(param);
  const auto fan_in = static_cast<double>(info.fan_in);
  std::vector<float> values(static_cast<std::size_t>(info.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    double v = init.value;
    switch (init.type) {
      case InitType::kXavier:
        v = std::sqrt(3.0 / fan_in) * (2.0 * random_uniform(settings.seed, stream, i) - 1.0);
        break;
      case InitType::kHe: v = std::sqrt(2.0 / fan_in) * random_normal(settings.seed, stream, i); break;
      case InitType::kGaussian: v = init.value * random_normal(settings.seed, stream, i); break;
      case InitType::kConstant: break;
    }
    values[i] = static_cast<float>(v);
  }
  return values;
}

}  // namespace qrun
