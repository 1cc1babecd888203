#include "plan/lower.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/machine.h"
#include "plan/builder.h"
#include "plan/epoch.h"
#include "plan/fuse.h"
#include "plan/layers.h"
#include "plan/memory.h"

namespace qrun {
namespace {

/// Adds a quantizer op behind the layer where any run of the pack has one; returns the layer's output for those that
/// read it.
BufferId quantize_output(Builder& b, const std::vector<RunSpec>& runs, std::size_t layer, BufferId x) {
  const bool any = std::ranges::any_of(
      runs, [&](const RunSpec& run) { return run.network[layer].activation_quant.method != kNoQuantizer; });
  if (!any) return x;
  const std::string& name = runs[0].network[layer].name;
  const SlotId slot = b.add_activation(name, x);
  const BufferId y = b.add_buffer(name, b.shape(x), b.has_gradient(x));
  b.forward(QuantizeOp{x, y, slot});
  if (b.has_gradient(x)) b.backward(QuantizeBackwardOp{x, y, slot, x});
  return y;
}

/// Where in a plan a layer begins.
struct Begin {
  std::size_t buffers, params, slots, statistics, dropouts;
  explicit Begin(const Plan& plan)
      : buffers(plan.buffers.size()),
        params(plan.params.size()),
        slots(plan.activations.size()),
        statistics(plan.statistics.size()),
        dropouts(static_cast<std::size_t>(plan.dropouts)) {}
};

/// Adds what a run says about the blobs and slots that one of its layers has added to the plan.
void add_settings(RunSettings& settings, const LayerSpec& layer, const Plan& plan, const Begin& begin) {
  for (std::size_t p = begin.params; p < plan.params.size(); ++p)
    settings.params.push_back(settings_of(layer, plan.params[p].role));
  settings.activations.insert(settings.activations.end(), plan.activations.size() - begin.slots,
                              layer.activation_quant);
  settings.dropouts.insert(settings.dropouts.end(), static_cast<std::size_t>(plan.dropouts) - begin.dropouts,
                           dropout_of(layer));
  settings.momenta.insert(settings.momenta.end(), plan.statistics.size() - begin.statistics, momentum_of(layer));
}

/// Bytes that a process can address on today's processors: no machine trains a layer that takes more.
constexpr std::int64_t kAddressable = std::int64_t{1} << 47;

void refuse_too_large(const Plan& plan, const Begin& begin, const LayerSpec& layer) {
  std::int64_t bytes = 0;
  for (std::size_t i = begin.buffers; i < plan.buffers.size(); ++i)
    bytes = plus(bytes, bytes_of(plan, plan.buffers[i]));
  for (std::size_t i = begin.params; i < plan.params.size(); ++i) bytes = plus(bytes, bytes_of(plan.params[i], 0));
  if (bytes <= kAddressable) return;
  const std::string size = bytes == kTooLarge ? "more bytes than 64 bits count" : gibibytes(bytes);
  throw ConfigError(layer.position, "network." + layer.name,
                    "takes " + size + " of memory, which no machine has (output " +
                        to_string(plan.buffers.back().shape) + ", batches of " +
                        std::to_string(std::max(plan.train_batch, plan.test_batch)) +
                        "); use smaller parameters or batches");
}

void refuse_other_than_scores(const Builder& builder, BufferId last, const LayerSpec& layer) {
  const Shape& logits = builder.shape(last);
  if (logits.h == 1 && logits.w == 1 && builder.has_gradient(last)) return;
  throw ConfigError(layer.position, "network." + layer.name,
                    "the loss needs one score a class from trained layers, this layer gives " + to_string(logits) +
                        "; end the network with a linear layer");
}

/// The loss takes the softmax of what it gets.
void refuse_softmax_before_the_loss(const std::vector<LayerSpec>& network) {
  const LayerSpec* layer = &network.back();
  while (layer != nullptr && std::holds_alternative<FlattenLayer>(layer->params)) {
    const auto from = std::ranges::find(network, layer->input[0], &LayerSpec::name);
    layer = from == network.end() ? nullptr : &*from;
  }
  if (layer == nullptr || !std::holds_alternative<SoftmaxLayer>(layer->params)) return;
  throw ConfigError(layer->position, "network." + layer->name,
                    "the loss takes the softmax itself, of the scores; remove this layer");
}

void refuse_more_than_classes(const RunSpec& run, std::int64_t classes) {
  const std::int64_t k = run.metrics.top_k.back();
  if (k <= classes) return;
  throw ConfigError(run.metrics.top_k_position, "metrics.top_k",
                    std::to_string(k) + " of " + std::to_string(classes) + " classes is more than there are; at most " +
                        std::to_string(classes));
}

/// Frozen statistics are another run's.
void refuse_to_freeze_nothing(const std::vector<RunSpec>& runs, const LayerSpec& layer) {
  const auto* norm = std::get_if<BatchNorm2dLayer>(&layer.params);
  if (norm == nullptr || !norm->frozen) return;
  if (std::ranges::none_of(runs, [](const RunSpec& run) { return run.train.init_from.empty(); })) return;
  throw ConfigError(layer.position, "network." + layer.name,
                    "is frozen, and there are no statistics to keep; name a run in train.init_from");
}

/// The plan before the first layer.
Plan start_of(const RunSpec& spec, const Shape& image) {
  Plan plan;
  plan.input = image;
  plan.precision = spec.precision;
  plan.products = spec.products;
  plan.train_batch = spec.data.train.batch_size;
  plan.test_batch = spec.data.test.batch_size;
  plan.accumulate = spec.train.accumulate;
  return plan;
}

/// What the runs say, before the first layer.
std::vector<RunSettings> settings_of(const std::vector<RunSpec>& runs, std::int64_t train_items) {
  std::vector<RunSettings> settings;
  for (const RunSpec& run : runs) {
    settings.push_back({.seed = run.seed,
                        .solver = run.solver,
                        .label_smoothing = run.loss.label_smoothing,
                        .iterations = run.train.epochs * iterations_per_epoch(run, train_items),
                        .params = {},
                        .activations = {},
                        .dropouts = {},
                        .momenta = {}});
  }
  return settings;
}

}  // namespace

Plan lower(const std::vector<RunSpec>& runs, const DataInfo& data) {
  QRUN_CHECK(!runs.empty(), "a pack holds at least one run");
  const std::vector<LayerSpec>& network = runs[0].network;
  Builder builder(start_of(runs[0], data.shape));
  std::vector<RunSettings> settings = settings_of(runs, data.train_items);
  const BufferId images = builder.add_buffer("data", data.shape, false);
  std::map<std::string, BufferId> outputs{{"data", images}};
  BufferId last = images;
  for (std::size_t i = 0; i < network.size(); ++i) {
    const LayerSpec& layer = network[i];
    const Begin begin(builder.plan());
    refuse_to_freeze_nothing(runs, layer);
    std::vector<BufferId> inputs;
    for (const std::string& input : layer.input) inputs.push_back(outputs.at(input));
    last = quantize_output(builder, runs, i, lower_layer(builder, layer, inputs));
    refuse_too_large(builder.plan(), begin, layer);
    for (std::size_t r = 0; r < runs.size(); ++r) add_settings(settings[r], runs[r].network[i], builder.plan(), begin);
    outputs[layer.name] = last;
  }
  refuse_softmax_before_the_loss(network);
  refuse_other_than_scores(builder, last, network.back());
  const std::int64_t classes = builder.shape(last).c;
  for (const RunSpec& run : runs) refuse_more_than_classes(run, classes);
  builder.loss(SoftmaxCrossEntropyOp{last, classes});
  Plan plan = std::move(builder).finish(std::move(settings));
  plan.images = images;
  plan.logits = last;
  plan.classes = classes;
  return skip_flatten(fuse_quantize_pool(std::move(plan)));
}

}  // namespace qrun
