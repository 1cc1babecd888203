#include "store/blob_io.h"

#include <algorithm>
#include <optional>

#include "core/enum_names.h"
#include "core/error.h"
#include "quant/all.h"

namespace qrun {
namespace {

template <class Enum>
void write_name(const h5::Group& object, const char* attribute, Enum value) {
  object.attribute(attribute, name_of(value));
}

template <class Enum>
void read_name(const h5::Group& object, const char* attribute, Enum& value) {
  const std::optional<Enum> known = find_named<Enum>(object.text(attribute));
  if (!known) object.fail(attribute, "unknown value " + object.text(attribute));
  value = *known;
}

/// Calls `with(attribute, member)` for each parameter that files of this method hold.
template <class F>
void for_parameters(const QuantInfo& info, const F& with) {
  with("scale", &QParams::scale);
  with("offset", &QParams::offset);
  with("alpha", &QParams::alpha);
  for (const StoredParameter& parameter : info.stored) {
    if (parameter.real != nullptr) with(parameter.name, parameter.real);
    if (parameter.integer != nullptr) with(parameter.name, parameter.integer);
  }
}

/// In files every integer that is not a code has 64 bits.
template <class T>
using Stored = std::conditional_t<std::is_integral_v<T>, std::int64_t, T>;

void write_parameters(const h5::Group& object, const QuantSettings& quant, const std::vector<QParams>& params) {
  write_settings(object, quant);
  for_parameters(AllQuantizers::kInfos[quant.method], [&]<class T>(const char* name, T QParams::*member) {
    std::vector<Stored<T>> values;
    for (const QParams& p : params) values.push_back(p.*member);
    if (quant.per_channel) {
      object.attribute(name, values);
    } else {
      object.attribute(name, values.at(0));
    }
  });
}

std::vector<QParams> read_parameters(const h5::Group& object, const QuantSettings& quant, std::size_t count) {
  std::vector<QParams> params(count);
  for_parameters(AllQuantizers::kInfos[quant.method], [&]<class T>(const char* name, T QParams::*member) {
    const std::vector<Stored<T>> values = object.numbers<Stored<T>>(name);
    if (values.size() != count) object.fail(name, std::to_string(count) + " values expected, one a channel");
    for (std::size_t i = 0; i < count; ++i) params[i].*member = static_cast<T>(values[i]);
  });
  return params;
}

}  // namespace

void write_settings(const h5::Group& object, const QuantSettings& quant) {
  const QuantInfo& info = AllQuantizers::kInfos[quant.method];
  object.attribute("method", info.name);
  object.attribute("bits", static_cast<std::int64_t>(quant.bits));
  object.attribute("code_bits", static_cast<std::int64_t>(code_bits(quant)));
  object.attribute("code_bias", static_cast<std::int64_t>(info.code_bias));
  object.attribute("per_channel", static_cast<std::int8_t>(quant.per_channel ? 1 : 0));
  object.attribute("rounding", "half away from zero");
  object.attribute("formula", "value = scale * code + offset");
  write_name(object, "gradient", quant.gradient);
  if (info.has_lambda) write_name(object, "lambda", quant.lambda);
  if (!info.has_range) return;
  write_name(object, "range", quant.range);
  if (quant.range == Range::kFixed) object.attribute("range_value", quant.range_value);
  if (quant.range == Range::kEma) object.attribute("ema_momentum", quant.ema_momentum);
}

QuantSettings read_settings(const h5::Group& object) {
  QuantSettings quant;
  const std::string method = object.text("method");
  quant.method = AllQuantizers::find(method);
  if (quant.method == kNoQuantizer) object.fail("method", "unknown quantizer " + method);
  const QuantInfo& info = AllQuantizers::kInfos[quant.method];
  quant.bits = object.number<std::int32_t>("bits");
  if (quant.bits < info.min_bits || quant.bits > info.max_bits)
    object.fail("bits", std::to_string(quant.bits) + " is not possible for " + method);
  quant.per_channel = object.number<std::int8_t>("per_channel") != 0;
  read_name(object, "gradient", quant.gradient);
  if (info.has_lambda) read_name(object, "lambda", quant.lambda);
  if (!info.has_range) return quant;
  read_name(object, "range", quant.range);
  if (quant.range == Range::kFixed) quant.range_value = object.number<double>("range_value");
  if (quant.range == Range::kEma) quant.ema_momentum = object.number<double>("ema_momentum");
  return quant;
}

std::vector<std::uint8_t> pack_codes(const std::vector<std::int32_t>& codes, int bits) {
  std::vector<std::uint8_t> packed((codes.size() * static_cast<std::size_t>(bits) + 7) / 8);
  std::size_t position = 0;
  for (const std::int32_t code : codes) {
    const auto level = static_cast<std::uint32_t>(code + (1 << (bits - 1)));
    for (int bit = 0; bit < bits; ++bit, ++position)
      packed[position / 8] |= static_cast<std::uint8_t>((level >> bit & 1U) << (position % 8));
  }
  return packed;
}

std::vector<std::int32_t> unpack_codes(const std::vector<std::uint8_t>& packed, int bits, std::size_t count) {
  std::vector<std::int32_t> codes;
  std::size_t position = 0;
  for (std::size_t i = 0; i < count; ++i) {
    int level = 0;
    for (int bit = 0; bit < bits; ++bit, ++position) level |= (packed[position / 8] >> (position % 8) & 1) << bit;
    codes.push_back(level - (1 << (bits - 1)));
  }
  return codes;
}

void write_integers(const h5::Group& group, const char* name, const std::vector<std::int32_t>& codes, int bits,
                    const h5::Dims& dims) {
  if (bits <= 8) {
    group.write(name, std::vector<std::int8_t>(codes.begin(), codes.end()), dims);
  } else if (bits <= 16) {
    group.write(name, std::vector<std::int16_t>(codes.begin(), codes.end()), dims);
  } else {
    group.write(name, codes, dims);
  }
}

std::vector<std::int32_t> read_integers(const h5::Group& group, const char* name, int bits) {
  std::vector<std::int32_t> codes = group.read<std::int32_t>(name);
  const std::int32_t limit = 1 << (bits - 1);
  const auto outside = [&](std::int32_t code) { return code < -limit || code >= limit; };
  if (std::ranges::any_of(codes, outside))
    group.fail(name, "holds a code of more than " + std::to_string(bits) + " bits");
  return codes;
}

void write_codes(const h5::Group& group, const QuantSettings& quant, const QuantizedBlob& blob, const h5::Dims& dims) {
  const int bits = code_bits(quant);
  write_integers(group, "codes", blob.codes, bits, dims);
  write_parameters(group.object("codes"), quant, blob.params);
  write_parameters(group, quant, blob.params);
  if (bits >= 8) return;
  const std::vector<std::uint8_t> packed = pack_codes(blob.codes, bits);
  group.write("packed", packed, {static_cast<std::int64_t>(packed.size())});
  group.label("packed", {"byte"});
}

void read_codes(const h5::Group& group, QuantSettings& quant, QuantizedBlob& blob) {
  const h5::Group codes = group.object("codes");
  quant = read_settings(codes);
  blob.codes = read_integers(group, "codes", code_bits(quant));
  const h5::Dims dims = group.dims("codes");
  if (quant.per_channel && (dims.empty() || dims[0] == 0)) group.fail("codes", "has no channels");
  blob.params = read_parameters(codes, quant, quant.per_channel ? static_cast<std::size_t>(dims[0]) : 1);
  if (!group.has("packed")) return;
  const int bits = code_bits(quant);
  const std::vector<std::uint8_t> packed = group.read<std::uint8_t>("packed");
  if (bits < 8 && packed != pack_codes(blob.codes, bits)) group.fail("packed", "differs from the codes");
}

}  // namespace qrun
