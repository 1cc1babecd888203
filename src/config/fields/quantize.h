// Quantizers of a configuration: a blob's settings, a layer's own entry, patterns for whole networks.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/fields/fields.h"
#include "config/run_spec.h"
#include "quant/quantizer.h"

namespace qrun::config {

/// What of a layer may be quantized.
enum class Blob : std::uint8_t { kWeight, kBias, kActivation };
inline constexpr std::size_t kBlobs = 3;
inline constexpr std::array<const char*, kBlobs> kBlobNames = {"weight", "bias", "activation"};

[[nodiscard]] QuantSettings& quant_of(LayerSpec& layer, Blob blob);

/// Settings of those blobs that an entry names; `none` for the whole entry names all three.
using BlobQuants = std::array<std::optional<QuantSettings>, kBlobs>;

/// `{weight: {method: ulq, bits: 2}, activation: none}` or `none`.
[[nodiscard]] BlobQuants read_quants(const Value& value);
/// The entry of a layer that has these blobs.
[[nodiscard]] Node write_quants(const LayerSpec& layer, const std::vector<Blob>& blobs);
[[nodiscard]] Node schema_of_quants();

/// An entry of the top-level `quantize`: a pattern of layer names.
struct QuantPattern {
  std::string glob;
  BlobQuants quants;
};

/// What a blob of a layer follows: the matching pattern with the most literal characters, later before earlier; or
/// nullptr.
[[nodiscard]] const QuantPattern* find_pattern(const std::vector<QuantPattern>& patterns, const std::string& layer,
                                               Blob blob);

/// A layer's own entry without a method was meant to change the quantizer that a pattern gives it, which has an address
/// of its own: reported, and broken.
void break_changes_of_patterns(Node& root, Problems& problems);

}  // namespace qrun::config
