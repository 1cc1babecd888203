// How one blob is quantized, and the entries of layers and patterns that say it for several.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/table/row.h"
#include "quant/quantizer.h"

namespace qrun {
struct LayerSpec;
}

namespace qrun::config {

/// What of a layer may be quantized.
enum class Blob : std::uint8_t { kWeight, kBias, kActivation };
inline constexpr std::size_t kBlobs = 3;
inline constexpr std::array<const char*, kBlobs> kBlobNames = {"weight", "bias", "activation"};

/// Settings of those blobs that an entry names; `none` for the whole entry names all three.
using BlobQuants = std::array<std::optional<QuantSettings>, kBlobs>;

/// Reads `{weight: {method: ulq, bits: 2}, activation: none}` or `none`.
[[nodiscard]] BlobQuants read_quants(const Value& value);
/// True where the entry `quants` names the blob, rightly or not.
[[nodiscard]] bool names_blob(const Node& quants, Blob blob);

/// Writes `none`, or the settings as a map.
void write_quant(const QuantSettings& settings, Blob blob, const Writing& to);

[[nodiscard]] Node schema_of_quants();

}  // namespace qrun::config
