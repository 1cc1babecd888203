#include "cuda/memory.h"

#include <algorithm>
#include <optional>

#include "core/sizes.h"
#include "cuda/batch_norm.h"
#include "plan/operands.h"
#include "quant/all.h"

namespace qrun::cuda {
namespace {

/// Device memory of zeros.
template <class T>
DeviceArray<T> zeros(std::int64_t n, const Stream& stream) {
  DeviceArray<T> array(n);
  stream.zero(array.data(), n);
  return array;
}

template <class T>
DeviceArray<T> uploaded(const std::vector<T>& values, const Stream& stream) {
  DeviceArray<T> array(std::ssize(values));
  stream.write(array.data(), values);
  return array;
}

Stat needs_of(const QuantSettings& settings) {
  return settings.method == kNoQuantizer ? Stat::kMaxAbs : AllQuantizers::kInfos[settings.method].needs;
}

/// Returns how many passes a quantizer takes over the values that it is fitted to.
int passes_of(const QuantSettings& settings, bool has_maxima) {
  if (settings.method == kNoQuantizer) return 0;
  const Stat needs = needs_of(settings);
  if (needs == Stat::kMaxAbs && has_maxima) return 0;
  return takes_two_passes(needs) ? 2 : 1;
}

/// The values of a kernel for each of `planes`, which are `plane` values apart, in rows of `row` values (0: of none).
std::vector<Tap> make_taps(const ConvShape& s, std::int64_t planes, std::int64_t plane, std::int64_t row) {
  std::vector<Tap> taps;
  for (std::int64_t p = 0; p < planes; ++p) {
    for (std::int64_t ky = 0; ky < s.k.h; ++ky) {
      for (std::int64_t kx = 0; kx < s.k.w; ++kx) {
        const std::int64_t at_row = ky * s.dilation.h;
        const std::int64_t at_column = kx * s.dilation.w;
        const std::int64_t offset = p * plane + (row > 0 ? at_row * row + at_column : 0);
        taps.push_back({static_cast<int>(offset), static_cast<int>(at_row), static_cast<int>(at_column)});
      }
    }
  }
  return taps;
}

}  // namespace

PackMemory::PackMemory(const Plan& plan, const Stream& stream)
    : plan_(plan), batch_(std::max(plan.train_batch, plan.test_batch)) {
  make_buffers(stream);
  make_params(stream);
  cut_params(stream);
  make_activations(stream);
  make_statistics(stream);
  make_dropouts(stream);
  make_numbers(stream);
  make_workspace(stream);
  control_ = uploaded(std::vector<RunControl>(plan.runs.size()), stream);
  labels_ = zeros<std::int32_t>(runs() * batch_, stream);
}

void PackMemory::make_buffers(const Stream& stream) {
  for (const BufferInfo& info : plan_.buffers) {
    if (batch_ * info.shape.size() > kLargest)
      throw Error("cuda: the output of layer " + info.layer +
                  " has more than 2^31 values in a batch; use a smaller batch_size");
    const std::int64_t image = info.shape.size() * runs();
    buffers_.push_back({zeros<float>(info.has_value ? batch_ * image : 0, stream),
                        zeros<float>(info.has_gradient ? plan_.train_batch * image : 0, stream),
                        {},
                        {},
                        {}});
  }
  for (const Step& step : plan_.steps) {
    for (const Operand& out : operands_of(step.op).writes) {
      if (out.kind == OperandKind::kArgmax)
        buffers_[at(out.id)].argmax = zeros<std::int32_t>(batch_ * size(out.id) * runs(), stream);
      if (out.kind == OperandKind::kMoments)
        buffers_[at(out.id)].moments = zeros<float>(2 * plan_.buffers[at(out.id)].shape.c * runs(), stream);
      if (out.kind == OperandKind::kMomentsGradient)
        buffers_[at(out.id)].moments_gradient = zeros<float>(2 * plan_.buffers[at(out.id)].shape.c * runs(), stream);
    }
  }
}

void PackMemory::make_params(const Stream& stream) {
  for (const Blob& info : plan_.params) {
    if (info.size() > kLargest) throw Error("cuda: layer " + info.layer + " has more than 2^31 weights");
    Param param;
    const std::int64_t n = info.size() * runs();
    int histories = 0;
    for (const RunSettings& run : plan_.runs) histories = std::max(histories, history_of(run.solver.type).count);
    for (DeviceArray<float>* array : {&param.master, &param.value, &param.gradient}) *array = zeros<float>(n, stream);
    param.sum = zeros<float>(plan_.accumulate > 1 ? n : 0, stream);
    for (int h = 0; h < histories; ++h) param.history[h] = zeros<float>(n, stream);
    param.stats = zeros<QStats>(info.dims[0] * runs(), stream);
    param.params = zeros<QParams>(info.dims[0] * runs(), stream);
    params_.push_back(std::move(param));
  }
  for (int run = 0; run < runs(); ++run) {
    const RunSettings& settings = plan_.runs[at(run)];
    for (std::size_t p = 0; p < plan_.params.size(); ++p) {
      const Blob& info = plan_.params[p];
      const ParamSettings& own = settings.params[p];
      const Param& memory = params_[p];
      const std::int64_t begin = run * info.size();
      ParamState state;
      state.quant = own.quant;
      state.needs = needs_of(own.quant);
      state.solver = settings.solver.type;
      state.update = qrun::update_params(settings.solver, Rate{}, own.lr_mult, own.decay_mult);
      state.lr_mult = own.lr_mult;
      state.size = info.size();
      state.slices = own.quant.per_channel ? info.dims[0] : 1;
      state.master = memory.master.data() + begin;
      state.value = memory.value.data() + begin;
      state.gradient = memory.gradient.data() + begin;
      if (plan_.accumulate > 1) state.sum = memory.sum.data() + begin;
      for (int h = 0; h < history_of(state.solver).count; ++h) state.history[h] = memory.history[h].data() + begin;
      state.stats = memory.stats.data() + run * info.dims[0];
      state.params = memory.params.data() + run * info.dims[0];
      states_.push_back(state);
    }
  }
  device_states_ = uploaded(states_, stream);
}

void PackMemory::cut_params(const Stream& stream) {
  std::vector<Piece> pieces;
  std::vector<Slice> slices;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const ParamState& state = states_[i];
    piece_begin_.push_back(static_cast<int>(pieces.size()));
    const std::int64_t slice_size = state.size / state.slices;
    for (std::int64_t s = 0; s < state.slices; ++s) {
      const auto slice = static_cast<std::int32_t>(slices.size());
      slices.push_back({static_cast<std::int32_t>(pieces.size()),
                        static_cast<std::int32_t>(ceil_div(slice_size, kPiece)), static_cast<std::int32_t>(s),
                        slice_size});
      for (std::int64_t begin = 0; begin < slice_size; begin += kPiece) {
        pieces.push_back({.run = static_cast<std::int32_t>(i / plan_.params.size()),
                          .param = static_cast<std::int32_t>(i % plan_.params.size()),
                          .slice = slice,
                          .n = static_cast<std::int32_t>(std::min(kPiece, slice_size - begin)),
                          .begin = s * slice_size + begin});
      }
    }
  }
  piece_begin_.push_back(static_cast<int>(pieces.size()));
  device_piece_begin_ = uploaded(piece_begin_, stream);
  pieces_ = uploaded(pieces, stream);
  slices_ = uploaded(slices, stream);
}

void PackMemory::make_activations(const Stream& stream) {
  std::vector<ActivationState> states;
  for (std::size_t slot = 0; slot < plan_.activations.size(); ++slot) {
    for (const RunSettings& run : plan_.runs)
      states.push_back({.settings = run.activations[slot], .needs = needs_of(run.activations[slot])});
  }
  activations_ = uploaded(states, stream);
  slot_of_.assign(plan_.buffers.size(), kNone);
  for (const Step& step : plan_.steps) {
    if (!info_of(step.op).is_product) continue;
    for (const Operand& out : operands_of(step.op).writes) {
      const auto slot = std::ranges::find(plan_.activations, out.id, &ActivationInfo::x);
      if (out.kind == OperandKind::kValue && slot != plan_.activations.end())
        slot_of_[at(out.id)] = static_cast<SlotId>(slot - plan_.activations.begin());
    }
  }
}

void PackMemory::make_statistics(const Stream& stream) {
  for (std::size_t i = 0; i < plan_.statistics.size(); ++i) {
    std::vector<double> momenta;
    for (const RunSettings& run : plan_.runs) momenta.push_back(run.momenta[i]);
    statistics_.push_back({zeros<double>(plan_.statistics[i].size() * runs(), stream), uploaded(momenta, stream)});
  }
}

void PackMemory::make_dropouts(const Stream& stream) {
  std::vector<DropoutState> states;
  for (std::size_t id = 0; id < static_cast<std::size_t>(plan_.dropouts); ++id) {
    for (const RunSettings& run : plan_.runs) states.push_back({run.seed, run.dropouts[id]});
  }
  dropouts_ = uploaded(states, stream);
}

void PackMemory::make_numbers(const Stream& stream) {
  std::vector<RunNumbers> numbers;
  for (const RunSettings& run : plan_.runs) numbers.push_back({run.label_smoothing, run.solver.clip_gradients});
  numbers_ = uploaded(numbers, stream);
  clip_factors_ = zeros<float>(runs(), stream);
}

void PackMemory::make_workspace(const Stream& stream) {
  std::int64_t partials = pieces_.size();
  PieceNeeds data;
  PieceNeeds weight;
  for (const ActivationInfo& slot : plan_.activations)
    partials = std::max(partials, ceil_div(batch_ * size(slot.x), kPiece) * runs());
  for (const Step& step : plan_.steps) {
    if (const auto* norm = std::get_if<BatchNormMomentsOp>(&step.op))
      partials = std::max(partials, channel_sums(norm->s, plan_.train_batch) * runs());
    if (const auto* scale = std::get_if<ChannelScaleBackwardWeightOp>(&step.op))
      partials = std::max(partials, channel_sums(scale->s, plan_.train_batch) * runs());
    const std::optional<ConvShape> s = product_of(step.op);
    if (!s) continue;
    add_conv(*s, stream);
    data.grow(conv2d_needs(*s, batch_));
    data.grow(conv2d_backward_data_needs(*s, plan_.train_batch));
    weight.grow(conv2d_backward_weight_needs(*s, plan_.train_batch));
  }
  partials_ = DeviceArray<Sums>(partials);
  counters_ = zeros<unsigned>(std::max<std::int64_t>(runs(), slices_.size()), stream);
  maxima_ = zeros<unsigned>(runs(), stream);
  data_space_ = make_space(data, stream);
  weight_space_ = make_space(weight, stream);
}

PackMemory::Space PackMemory::make_space(const PieceNeeds& needs, const Stream& stream) const {
  return {DeviceArray<float>(needs.sums * runs()), zeros<unsigned>(needs.counters * runs(), stream)};
}

void PackMemory::add_conv(const ConvShape& s, const Stream& stream) {
  if (std::ranges::find(taps_, s, &Taps::s) != taps_.end()) return;
  taps_.push_back({s, uploaded(make_taps(s, s.c / s.groups, s.h * s.w, s.w), stream),
                   uploaded(make_taps(s, s.o / s.groups, s.out_h() * s.out_w(), 0), stream)});
}

const Tap* PackMemory::taps(const ConvShape& s) const { return std::ranges::find(taps_, s, &Taps::s)->forward.data(); }
const Tap* PackMemory::taps_of_gradient(const ConvShape& s) const {
  return std::ranges::find(taps_, s, &Taps::s)->gradient.data();
}

Tensor PackMemory::value(BufferId id, int run) const {
  const std::int64_t stride = batch_ * size(id);
  return {buffers_[at(id)].value.data() + run * stride, stride};
}
Tensor PackMemory::gradient(BufferId id, int run) const {
  const std::int64_t stride = plan_.train_batch * size(id);
  return {buffers_[at(id)].gradient.data() + run * stride, stride};
}
Argmax PackMemory::argmax(BufferId id, int run) const {
  const std::int64_t stride = batch_ * size(id);
  return {buffers_[at(id)].argmax.data() + run * stride, stride};
}
Tensor PackMemory::moments(BufferId id, int run) const {
  const std::int64_t stride = 2 * plan_.buffers[at(id)].shape.c;
  return {buffers_[at(id)].moments.data() + run * stride, stride};
}
Tensor PackMemory::moments_gradient(BufferId id, int run) const {
  const std::int64_t stride = 2 * plan_.buffers[at(id)].shape.c;
  return {buffers_[at(id)].moments_gradient.data() + run * stride, stride};
}
Tensor PackMemory::param(ParamId id, int run) const {
  return {states_[index(run, id)].value, plan_.params[at(id)].size()};
}
Tensor PackMemory::param_gradient(ParamId id, int run) const {
  return {states_[index(run, id)].gradient, plan_.params[at(id)].size()};
}

int PackMemory::passes(SlotId slot, bool has_maxima) const {
  int passes = 0;
  for (const RunSettings& run : plan_.runs) passes = std::max(passes, passes_of(run.activations[at(slot)], has_maxima));
  return passes;
}

int PackMemory::passes_of_params() const {
  int passes = 0;
  for (const ParamState& state : states_) passes = std::max(passes, passes_of(state.quant, false));
  return passes;
}

void PackMemory::put_state(int run, ParamId id, const Stream& stream) const {
  const std::size_t i = index(run, id);
  stream.upload(device_states_.data() + i, states_.data() + i, 1);
  stream.wait();
}

ClipOperands PackMemory::clipping(int first, int runs) const {
  return {.piece_begin = device_piece_begin_.data(),
          .numbers = numbers_.data(),
          .factors = clip_factors_.data(),
          .partials = partials_.data(),
          .first = first,
          .runs = runs};
}

ParamTable PackMemory::table_of(std::size_t first, std::size_t last) const {
  return {.all_pieces = pieces_.data(),
          .pieces = pieces_.data() + piece_begin_[first],
          .count = piece_begin_[last] - piece_begin_[first],
          .slices = slices_.data(),
          .states = device_states_.data(),
          .params = static_cast<int>(plan_.params.size()),
          .control = control_.data()};
}

}  // namespace qrun::cuda
