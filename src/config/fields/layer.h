// One layer of a network.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/fields/layer_types.h"
#include "config/fields/quantize.h"
#include "core/error.h"
#include "quant/quantizer.h"

namespace qrun {

enum class InitType : std::uint8_t { kXavier, kHe, kGaussian, kConstant, kUniform };
inline constexpr std::array kInitNames = {"xavier", "he", "gaussian", "constant", "uniform"};
constexpr const auto& names_of(InitType /*type*/) { return kInitNames; }

/// What the width of `xavier` and `he` follows from: inputs of an output, outputs of an input, or the mean of both.
enum class Fan : std::uint8_t { kIn, kOut, kAverage };
inline constexpr std::array kFanNames = {"fan_in", "fan_out", "average"};
constexpr const auto& names_of(Fan /*fan*/) { return kFanNames; }

struct InitSpec {
  InitType type = InitType::kXavier;
  double value = 0;         // standard deviation, the constant, or the lower end
  double high = 0;          // the upper end
  double mean = 0;          // of a gaussian
  std::int64_t sparse = 0;  // of a gaussian: outputs that an input reaches on average; 0: all
  Fan fan = Fan::kIn;       // of xavier and he
  bool operator==(const InitSpec&) const = default;
};

struct ParamSpec {
  double lr_mult = 1;
  double decay_mult = 1;
  bool operator==(const ParamSpec&) const = default;
};

struct LayerSpec {
  std::string name;
  std::vector<std::string> input;           // resolved: names of layers, or "data" for the images
  LayerParams params;                       // of the layer's type, which they are, defaults filled in
  std::optional<InitSpec> init, bias_init;  // of weight and bias, as given: init_of() says how they start
  ParamSpec weight, bias;
  QuantSettings weight_quant, bias_quant, activation_quant;  // method kNoQuantizer: none
  Position position;                                         // of the layer: outside text() and id()

  /// The name of its type, as configurations write it.
  [[nodiscard]] const char* type() const { return layer_types()[params.index()].name; }
  [[nodiscard]] bool takes_several() const { return layer_types()[params.index()].takes_several; }
};

namespace config {

inline constexpr const char* kImages = "data";  // the input that is no layer

/// Reads a layer and sets its defaults, all but `input`.
void read_layer(const Value& value, LayerSpec& layer);
/// Writes a layer as a map.
void write_layer(const LayerSpec& layer, const Writing& to);
/// Returns the parameters of a layer's type by their names, `stride` -> `1`, as text.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parameter_texts(const LayerSpec& layer);

/// Returns a schema for each type of layer.
[[nodiscard]] std::vector<Node> schemas_of_layers();

}  // namespace config
}  // namespace qrun
