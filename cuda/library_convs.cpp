#include "cuda/library_convs.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace qrun::cuda {
namespace {

/// A size at which the library was measured faster than the engine's own products, in TF32 (docs/gpu-log.md). In float32
/// it was slower.
struct Measured {
  std::int64_t k, stride, c, o, pixels, n;
};
constexpr std::array kMeasured = {Measured{.k = 3, .stride = 1, .c = 64, .o = 64, .pixels = 196, .n = 64}};

/// True where a convolution is as large as one that was measured; what was not measured is the engine's own. The pack
/// plays no part in it.
bool is_measured(const LibraryConv& conv) {
  const ConvShape& s = conv.s;
  return conv.tf32 && s.groups == 1 && s.dilation == 1 && std::ranges::any_of(kMeasured, [&](const Measured& at) {
           return s.k == at.k && s.stride == at.stride && s.c >= at.c && s.o >= at.o &&
                  s.out_h() * s.out_w() >= at.pixels && conv.n >= at.n;
         });
}

/// True where what a run has begins on 16 bytes in every run of every pack, as libraries load it: they might compute
/// one that does not otherwise. A matrix product is none of theirs.
bool is_for_libraries(const ConvShape& s) {
  const bool is_matrix = s.h * s.w == 1 && s.k == 1;
  return !is_matrix && s.c * s.h * s.w % 4 == 0 && s.o * s.out_h() * s.out_w() % 4 == 0 && s.weights() % 4 == 0;
}

/// One direction of a layer of the plan, and what files call it.
struct Use {
  std::string layer;
  const char* name;
  LibraryConv conv;
};

/// Returns the uses of convolutions: forward in training and in tests, then the gradients, as the plan has them.
std::vector<Use> uses_of(const Plan& plan) {
  std::vector<Use> uses;
  const auto add = [&](BufferId y, const char* name, const ConvShape& s, std::int64_t n, Direction direction) {
    const bool tf32 = plan.precision == Precision::kTf32;
    uses.push_back({plan.buffers[static_cast<std::size_t>(y)].layer, name, {s, n, direction, tf32}});
  };
  for (const Step& step : plan.steps) {
    if (const auto* forward = std::get_if<Conv2dOp>(&step.op)) {
      add(forward->y, "forward", forward->s, plan.train_batch, Direction::kForward);
      if (plan.test_batch != plan.train_batch)
        add(forward->y, "test", forward->s, plan.test_batch, Direction::kForward);
    } else if (const auto* data = std::get_if<Conv2dBackwardDataOp>(&step.op)) {
      add(data->y, "data", data->s, plan.train_batch, Direction::kData);
    } else if (const auto* weight = std::get_if<Conv2dBackwardWeightOp>(&step.op)) {
      add(weight->y, "weight", weight->s, plan.train_batch, Direction::kWeight);
    }
  }
  return uses;
}

bool is_wanted(Products products, const LibraryConv& conv) {
  if (products == Products::kOwn || !is_for_libraries(conv.s)) return false;
  return products == Products::kCudnn || is_measured(conv);
}

/// What files say of a layer's products: `conv1 forward=1/fma weight=own`.
struct LayerText {
  std::string layer, text;
  bool uses_library = false;
};

}  // namespace

LibraryConvs::LibraryConvs(const Plan& plan, const LibraryPlace& place) {
  const std::vector<Use> uses = uses_of(plan);
  if (std::ranges::none_of(uses, [&](const Use& use) { return is_wanted(plan.products, use.conv); })) return;
  if (!open(plan, place)) return;
  std::vector<LayerText> layers;
  std::array<std::int64_t, 2> workspaces{};
  for (const Use& use : uses) {
    const Entry& entry = choose(use.conv, is_wanted(plan.products, use.conv));
    auto layer = std::ranges::find(layers, use.layer, &LayerText::layer);
    if (layer == layers.end()) layer = layers.insert(layer, {use.layer, use.layer});
    layer->text += std::string(" ") + use.name + "=" + (entry.path ? entry.path->text : "own");
    layer->uses_library |= entry.path.has_value();
    std::int64_t& workspace = workspaces[handle_of(use.conv.direction)];
    if (entry.path) workspace = std::max(workspace, entry.path->workspace);
  }
  for (std::size_t i = 0; i < handles_.size(); ++i) handles_[i].workspace = DeviceArray<unsigned char>(workspaces[i]);
  for (const LayerText& layer : layers) {
    if (layer.uses_library) paths_.text += "; " + layer.text;
  }
  if (!paths_.text.empty()) paths_.text = handles_[0].convs->name() + paths_.text;
}

/// Opens the library; false where there is none and the engine's own products will do.
bool LibraryConvs::open(const Plan& plan, const LibraryPlace& place) {
  for (Handle& handle : handles_) {
    LibraryProbe probe = open_cudnn(place);
    if (!probe.convs && plan.products == Products::kCudnn)
      throw EnvironmentError(probe.problem + "; products: own goes without cuDNN");
    if (!probe.convs) {
      paths_.problem = probe.problem;
      return false;
    }
    handle.convs = std::move(probe.convs);
  }
  return true;
}

const LibraryConvs::Entry& LibraryConvs::choose(const LibraryConv& conv, bool wanted) {
  if (const auto known = std::ranges::find(entries_, conv, &Entry::conv); known != entries_.end()) return *known;
  entries_.push_back({conv, wanted ? handles_[handle_of(conv.direction)].convs->choose(conv) : std::nullopt});
  return entries_.back();
}

bool LibraryConvs::run(Direction direction, const Scope& scope, const ConvShape& s,
                       const ConvOperands& operands) const {
  const LibraryConv conv{s, scope.n, direction, scope.tf32};
  const auto entry = std::ranges::find(entries_, conv, &Entry::conv);
  if (entry == entries_.end() || !entry->path) return false;
  const Handle& handle = handles_[handle_of(direction)];
  const auto of = [](const Tensor& tensor, int run) { return tensor.data + run * tensor.stride; };
  for (int run = 0; run < scope.runs; ++run) {
    handle.convs->run(entry->path->id, scope.stream,
                      {.x = of(operands.x, run),
                       .w = of(operands.w, run),
                       .y = of(operands.y, run),
                       .workspace = handle.workspace.data()});
  }
  return true;
}

}  // namespace qrun::cuda
