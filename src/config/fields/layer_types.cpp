#include "config/fields/layer_types.h"

namespace qrun {
namespace {

constexpr std::int64_t kLarge = 1 << 20;

constexpr LayerParameter integer(const char* name, bool required, std::int64_t fallback, std::int64_t min,
                                 const char* about, const char* fallback_from = nullptr) {
  return {name, false, required, fallback, fallback_from, min, kLarge, about};
}
constexpr LayerParameter boolean(const char* name, bool fallback, const char* about) {
  return {name, true, false, fallback ? 1 : 0, nullptr, 0, 1, about};
}

constexpr LayerParameter kConv2d[] = {
    integer("out_channels", true, 0, 1, "number of filters"),
    integer("kernel_size", true, 0, 1, "height and width of a filter"),
    integer("stride", false, 1, 1, "step between outputs"),
    integer("padding", false, 0, 0, "zeros added on each side"),
    integer("groups", false, 1, 1, "groups of channels that don't see each other"),
    boolean("bias", true, "add a bias per filter"),
};
constexpr LayerParameter kLinear[] = {
    integer("out_features", true, 0, 1, "number of outputs"),
    boolean("bias", true, "add a bias per output"),
};
constexpr LayerParameter kMaxPool2d[] = {
    integer("kernel_size", true, 0, 1, "height and width of the window"),
    integer("stride", false, 0, 1, "step between windows", "kernel_size"),
    integer("padding", false, 0, 0, "implicit border on each side, at most half the window"),
    boolean("ceil_mode", false, "round the output size up"),
};
constexpr LayerParameter kAvgPool2d[] = {
    integer("kernel_size", true, 0, 1, "height and width of the window"),
    integer("stride", false, 0, 1, "step between windows", "kernel_size"),
    integer("padding", false, 0, 0, "implicit border on each side, at most half the window"),
    boolean("ceil_mode", false, "round the output size up"),
    boolean("count_include_pad", false, "divide by the window with its padding"),
};

constexpr LayerType kTypes[] = {
    {"conv2d", true, kConv2d, "two-dimensional convolution"},
    {"linear", true, kLinear, "fully connected; flattens its input in c, h, w order"},
    {"max_pool2d", false, kMaxPool2d, "maximum over windows"},
    {"avg_pool2d", false, kAvgPool2d, "mean over windows"},
    {"relu", false, {}, "max(x, 0)"},
};

}  // namespace

std::span<const LayerType> layer_types() { return kTypes; }

const LayerType* find_layer_type(std::string_view name) {
  for (const LayerType& type : kTypes) {
    if (name == type.name) return &type;
  }
  return nullptr;
}

}  // namespace qrun
