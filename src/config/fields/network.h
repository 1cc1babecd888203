// The layers of a configuration, from the table of layer types.
#pragma once

#include <array>
#include <vector>

#include "config/fields/fields.h"
#include "config/fields/quantize.h"
#include "config/run_spec.h"

namespace qrun::config {

/// What is known of a network while it is read.
struct NetworkDraft {
  std::vector<LayerSpec>& layers;
  std::vector<BlobQuants> own = {};         // [layer]: its own quantizers
  std::vector<QuantPattern> patterns = {};  // of the whole network
};

/// `network` and, behind it, the top-level `quantize`; they refer to the draft, which outlives them.
[[nodiscard]] Field network_field(NetworkDraft& draft);
[[nodiscard]] Field patterns_field(NetworkDraft& draft);

/// Gives each blob its quantizer, once both fields are read.
void apply_quantizers(NetworkDraft& draft);

}  // namespace qrun::config
