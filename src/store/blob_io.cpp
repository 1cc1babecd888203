#include "store/blob_io.h"

#include <algorithm>

#include "core/error.h"
#include "quant/all.h"

namespace qrun {
namespace {

constexpr const char* kLambdas[] = {"original", "paper", "optimal"};

/// A number a tensor, or an array of one a channel.
template <class Get>
void write_each(const h5::Group& object, const char* name, const std::vector<QParams>& params, bool per_channel,
                const Get& get) {
  std::vector<decltype(get(params[0]))> values;
  for (const QParams& p : params) values.push_back(get(p));
  if (per_channel) {
    object.attribute(name, values);
  } else {
    object.attribute(name, values.at(0));
  }
}

void write_parameters(const h5::Group& object, const QuantSettings& quant, const std::vector<QParams>& params) {
  const QuantInfo& info = AllQuantizers::kInfos[quant.method];
  const std::string name = info.name;
  write_quantizer(object, quant);
  const auto each = [&](const char* key, const auto& get) { write_each(object, key, params, quant.per_channel, get); };
  each("scale", [](const QParams& p) { return p.scale; });
  each("offset", [](const QParams& p) { return p.offset; });
  object.attribute("per_channel", static_cast<std::int8_t>(quant.per_channel ? 1 : 0));
  each("alpha", [](const QParams& p) { return p.alpha; });
  if (name == "ulq" || info.needs == Stat::kTernary) each("delta", [](const QParams& p) { return p.delta; });
  if (name == "dynamic_fixed_point" || name == "ternary_quantize")
    each("fixedpos", [](const QParams& p) { return p.fixedpos; });
  if (name == "ternary_quantize") each("alpha_int", [](const QParams& p) { return p.alpha_int; });
}

}  // namespace

void write_quantizer(const h5::Group& object, const QuantSettings& quant) {
  const QuantInfo& info = AllQuantizers::kInfos[quant.method];
  object.attribute("method", info.name);
  object.attribute("bits", static_cast<std::int64_t>(quant.bits));
  object.attribute("code_bits", static_cast<std::int64_t>(code_bits(quant)));
  object.attribute("code_bias", static_cast<std::int64_t>(info.code_bias));
  object.attribute("rounding", "half away from zero");
  object.attribute("formula", "value = scale * code + offset");
  object.attribute("gradient", quant.gradient == Gradient::kSte ? "ste" : "ste_clipped");
  if (info.has_lambda) object.attribute("lambda", kLambdas[static_cast<int>(quant.lambda)]);
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

void write_codes(const h5::Group& group, const QuantSettings& quant, const QuantizedBlob& blob, const h5::Dims& dims) {
  const int bits = code_bits(quant);
  write_integers(group, "codes", blob.codes, bits, dims);
  write_parameters(group.object("codes"), quant, blob.params);
  write_parameters(group, quant, blob.params);
  if (bits >= 8) return;
  const std::vector<std::uint8_t> packed = pack_codes(blob.codes, bits);
  group.write("packed", packed, {static_cast<std::int64_t>(packed.size())});
}

void read_codes(const h5::Group& group, QuantSettings& quant, QuantizedBlob& blob) {
  const h5::Group codes = group.object("codes");
  const std::string method = codes.text("method");
  quant.method = AllQuantizers::find(method);
  if (quant.method == kNoQuantizer) codes.fail("method", "unknown quantizer " + method);
  quant.bits = codes.number<std::int32_t>("bits");
  const QuantInfo& info = AllQuantizers::kInfos[quant.method];
  if (quant.bits < info.min_bits || quant.bits > info.max_bits)
    codes.fail("bits", std::to_string(quant.bits) + " is not possible for " + method);
  quant.per_channel = codes.number<std::int8_t>("per_channel") != 0;
  quant.gradient = codes.text("gradient") == "ste" ? Gradient::kSte : Gradient::kSteClipped;
  if (info.has_lambda) {
    const auto at = std::ranges::find(kLambdas, codes.text("lambda"));
    if (at == std::end(kLambdas)) codes.fail("lambda", "unknown table");
    quant.lambda = static_cast<Lambda>(at - std::begin(kLambdas));
  }
  blob.codes = group.read<std::int32_t>("codes");
  const std::vector<float> scales = codes.numbers<float>("scale");
  const std::vector<float> offsets = codes.numbers<float>("offset");
  const h5::Dims dims = group.dims("codes");
  const std::size_t expected = quant.per_channel && !dims.empty() ? static_cast<std::size_t>(dims[0]) : 1;
  if (scales.size() != expected || offsets.size() != expected)
    codes.fail("scale", "as many scales and offsets as channels expected");
  for (std::size_t i = 0; i < expected; ++i) {
    QParams params;
    params.scale = scales[i];
    params.offset = offsets[i];
    blob.params.push_back(params);
  }
}

}  // namespace qrun
