// How codes lie in a file: the smallest integer type, their attributes, and the packed bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "store/h5.h"

namespace qrun {

/// The dimensions of a weight, in order; a bias and the like have the first alone.
inline constexpr std::array kBlobAxes{"output", "input", "row", "column"};

/// Writes `codes` with its attributes, and `packed` where codes take fewer than 8 bits, into the group of a blob.
/// The attributes stand on the group as well.
void write_codes(const h5::Group& group, const QuantSettings& quant, const QuantizedBlob& blob, const h5::Dims& dims);

/// Reads back what write_codes() wrote: settings, codes, and of the parameters what files hold: all that decodes them.
void read_codes(const h5::Group& group, QuantSettings& quant, QuantizedBlob& blob);

/// Writes integers as int8, int16 or int32: the smallest that holds `bits`.
void write_integers(const h5::Group& group, const char* name, const std::vector<std::int32_t>& codes, int bits,
                    const h5::Dims& dims);

/// What a file says of a quantizer, as attributes of `object`; of a parameter blob or an activation.
void write_settings(const h5::Group& object, const QuantSettings& quant);
[[nodiscard]] QuantSettings read_settings(const h5::Group& object);

/// Codes of at most `bits` bits, shaped as stored. Throws Error where one is larger.
[[nodiscard]] std::vector<std::int32_t> read_integers(const h5::Group& group, const char* name, int bits);

/// Levels code + 2^(bits-1) one behind the other, lowest bit first; bits < 8.
[[nodiscard]] std::vector<std::uint8_t> pack_codes(const std::vector<std::int32_t>& codes, int bits);

/// The first `count` codes of what pack_codes() made; `packed` is long enough.
[[nodiscard]] std::vector<std::int32_t> unpack_codes(const std::vector<std::uint8_t>& packed, int bits,
                                                     std::size_t count);

}  // namespace qrun
