// How codes lie in a file: the smallest integer type, their attributes, and the packed bits.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "store/h5.h"

namespace qrun {

/// Writes `codes` with its attributes, and `packed` where codes take fewer than 8 bits, into the group of a blob.
/// The attributes stand on the group as well.
void write_codes(const h5::Group& group, const QuantSettings& quant, const QuantizedBlob& blob, const h5::Dims& dims);

/// Reads back what write_codes() wrote: settings as far as files hold them, codes, and the parameters that decode them.
void read_codes(const h5::Group& group, QuantSettings& quant, QuantizedBlob& blob);

/// Writes integers as int8, int16 or int32: the smallest that holds `bits`.
void write_integers(const h5::Group& group, const char* name, const std::vector<std::int32_t>& codes, int bits,
                    const h5::Dims& dims);

/// What a file says of a quantizer; `blob` may be an activation.
void write_quantizer(const h5::Group& object, const QuantSettings& quant);

/// Levels code + 2^(bits-1) one behind the other, lowest bit first.
[[nodiscard]] std::vector<std::uint8_t> pack_codes(const std::vector<std::int32_t>& codes, int bits);

}  // namespace qrun
