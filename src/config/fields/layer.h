// One layer of a network.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/fields/layer_types.h"
#include "config/fields/quantize.h"
#include "core/error.h"
#include "quant/quantizer.h"

namespace qrun {

enum class InitType : std::uint8_t { kXavier, kHe, kGaussian, kConstant };
inline constexpr std::array kInitNames = {"xavier", "he", "gaussian", "constant"};  // the last two with a number
constexpr const auto& names_of(InitType /*type*/) { return kInitNames; }

struct InitSpec {
  InitType type = InitType::kXavier;
  double value = 0;  // standard deviation, or the constant
  bool operator==(const InitSpec&) const = default;
};

struct ParamSpec {
  double lr_mult = 1;
  double decay_mult = 1;
  bool operator==(const ParamSpec&) const = default;
};

struct LayerSpec {
  std::string name;
  std::vector<std::string> input;  // resolved: names of layers, or "data" for the images
  LayerParams params;              // of the layer's type, which they are, defaults filled in
  InitSpec init;
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
