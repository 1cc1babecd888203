// Quantizers: methods, their options, a layer's own entry, patterns.
#include "quant/all.h"
#include "support.h"

namespace qrun::test {
namespace {

const std::string kConv = "kernel_size: 5}";

/// kSmall with quantizers on conv1, from column 68 of line 5.
std::string on_conv(const std::string& quantize) { return with(kConv, "kernel_size: 5, quantize: " + quantize + "}"); }
std::string on_weight(const std::string& quantizer) { return on_conv("{weight: " + quantizer + "}"); }
QuantSettings weight_of(const std::string& quantizer) { return read(on_weight(quantizer)).network[0].weight_quant; }

TEST(Quantize, EveryMethodReadsItsSmallestAndLargestBits) {
  for (int method = 0; method < AllQuantizers::kCount; ++method) {
    const QuantInfo& info = AllQuantizers::kInfos[method];
    for (const int bits : {info.min_bits, info.max_bits}) {
      const std::string rest = ", bits: " + std::to_string(bits) + "}";
      EXPECT_EQ(weight_of(std::string("{method: ") + info.name + rest),
                (QuantSettings{.method = method, .bits = bits}));
      if (info.alias == nullptr) continue;
      EXPECT_EQ(weight_of(std::string("{method: ") + info.alias + rest).method, method);
    }
  }
}

TEST(Quantize, EveryMethodRejectsOtherBits) {
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    const std::string range =
        " is outside [" + std::to_string(info.min_bits) + ", " + std::to_string(info.max_bits) + "] for " + info.name;
    const std::string column = std::to_string(102 + std::string(info.name).size());
    for (const int bits : {0, info.min_bits - 1, info.max_bits + 1, 20}) {
      const std::string text = std::to_string(bits);
      EXPECT_EQ(mistakes(on_weight(std::string("{method: ") + info.name + ", bits: " + text + "}")),
                Lines{"a.yaml:5:" + column + ": network.conv1.quantize.weight.bits: " + text + range});
    }
  }
}

TEST(Quantize, BitsAreRequiredUnlessTheMethodFixesThem) {
  for (int method = 0; method < AllQuantizers::kCount; ++method) {
    const QuantInfo& info = AllQuantizers::kInfos[method];
    const std::string text = on_weight(std::string("{method: ") + info.name + "}");
    if (info.fixed_bits != 0) {
      EXPECT_EQ(read(text).network[0].weight_quant.bits, info.fixed_bits);
    } else {
      EXPECT_EQ(mistakes(text), Lines{"a.yaml:5:85: network.conv1.quantize.weight.bits: is missing; width of a code"});
    }
  }
}

TEST(Quantize, OptionsAreRead) {
  const QuantSettings weight =
      weight_of("{method: ulq, bits: 3, per_channel: true, gradient: ste_clipped, lambda: paper}");
  EXPECT_TRUE(weight.per_channel);
  EXPECT_EQ(weight.gradient, Gradient::kSteClipped);
  EXPECT_EQ(weight.lambda, Lambda::kPaper);
  const auto activation_of = [](const std::string& options) {
    return read(on_conv("{activation: {method: clip, bits: 8, " + options + "}}")).network[0].activation_quant;
  };
  EXPECT_EQ(activation_of("range: batch").range, Range::kBatch);
  EXPECT_EQ(activation_of("range: ema, ema_momentum: 0.5").ema_momentum, 0.5);
  EXPECT_EQ(activation_of("range: ema").range, Range::kEma);
  EXPECT_EQ(activation_of("range: 6").range, Range::kFixed);
  EXPECT_EQ(activation_of("range: 2.5e-1").range_value, 0.25);
}

TEST(Quantize, OptionsOfAnotherMethodAreRejected) {
  const auto expect = [](const std::string& quantizer, const std::string& line) {
    EXPECT_EQ(mistakes(on_weight(quantizer)), Lines{"a.yaml:5:" + line}) << quantizer;
  };
  expect("{method: clip, bits: 4, lambda: paper}",
         "117: network.conv1.quantize.weight.lambda: does not belong to clip; it is for ulq");
  expect("{method: ulq, bits: 4, range: 3}",
         "115: network.conv1.quantize.weight.range: does not belong to ulq; it is for clip");
  expect("{method: ulq, bits: 4, ema_momentum: 0.5}",
         "122: network.conv1.quantize.weight.ema_momentum: does not belong to ulq; it is for clip");
  expect("{method: clip, bits: 4, ema_momentum: 0.5}",
         "123: network.conv1.quantize.weight.ema_momentum: is for range: ema; leave it out");
  expect("{method: clip, bits: 4, range: ema}",
         "116: network.conv1.quantize.weight.range: ema is for activations; batch or a positive number");
  for (const std::string range : {"0", "-1", "max", "'3'", ".inf"}) {
    const std::string shown = range == "'3'" ? "3" : range;
    expect("{method: clip, bits: 4, range: " + range + "}",
           "116: network.conv1.quantize.weight.range: " + shown + " is not a range; batch or a positive number");
  }
  expect("{method: ulk, bits: 4}", "94: network.conv1.quantize.weight.method: ulk is not known; did you mean ulq?");
  expect("{bits: 4}", "85: network.conv1.quantize.weight.method: is missing; how values become codes");
  expect("ulq", "85: network.conv1.quantize.weight: ulq is a single value; {method: ulq, bits: 2} or none is wanted");
  expect("{method: ulq, bits: 4, gradient: clipped}",
         "118: network.conv1.quantize.weight.gradient: clipped is not known; one of ste, ste_clipped");
}

TEST(Quantize, PerChannelIsForWeights) {
  EXPECT_EQ(mistakes(on_conv("{bias: {method: ulq, bits: 2, per_channel: true}}")),
            Lines{"a.yaml:5:119: network.conv1.quantize.bias.per_channel: true is for weights only; false"});
  EXPECT_EQ(mistakes(on_conv("{bias: {method: ulq, bits: 2, per_channel: false}}")), Lines{});
}

TEST(Quantize, NoneHasManyFormsAndOneMeaning) {
  const RunSpec want = read(kSmall);
  for (const std::string quantize : {"none", "{weight: none}", "{weight: {method: none}}",
                                     "{weight: {method: none, bits: 99, lambda: paper, range: 2, ema_momentum: 0}}"}) {
    EXPECT_EQ(read(on_conv(quantize)).text(), want.text()) << quantize;
    EXPECT_EQ(read(on_conv(quantize)).network[0].weight_quant, QuantSettings{}) << quantize;
  }
  EXPECT_EQ(mistakes(on_weight("{method: none, bit: 3}")),
            Lines{"a.yaml:5:100: network.conv1.quantize.weight.bit: unknown key; did you mean bits?"});
}

TEST(Quantize, ALayerHasOnlyItsOwnBlobs) {
  const std::string ulq = "{method: ulq, bits: 2}";
  EXPECT_EQ(mistakes(with("type: relu", "type: relu, quantize: {weight: " + ulq + ", bias: none}")),
            Lines{"a.yaml:6:50: network.relu1.quantize.weight: relu1 has no weight; remove the quantizer"});
  EXPECT_EQ(mistakes(with(kConv, "kernel_size: 5, bias: false, quantize: {bias: " + ulq + "}}")),
            Lines{"a.yaml:5:96: network.conv1.quantize.bias: conv1 has no bias; remove the quantizer"});
}

TEST(Quantize, PatternsPassOverBlobsThatALayerHasNot) {
  const RunSpec run = read(with(kConv, "kernel_size: 5, bias: false}") +
                           "quantize: {'*': {weight: {method: ulq, bits: 2}, bias: {method: ulq, bits: 3}}}\n");
  EXPECT_EQ(run.network[0].weight_quant.bits, 2);
  EXPECT_EQ(run.network[0].bias_quant, QuantSettings{});
  EXPECT_EQ(run.network[1].weight_quant, QuantSettings{});
  EXPECT_EQ(run.network[2].bias_quant.bits, 3);
}

TEST(Quantize, TheNearestRuleWinsForEachBlob) {
  const auto quantizer = [](int bits) { return "{method: ulq, bits: " + std::to_string(bits) + "}"; };
  const RunSpec run = read(on_weight(quantizer(1)) +
                           "quantize:\n"
                           "  '*': {weight: " +
                           quantizer(2) + ", bias: " + quantizer(2) + ", activation: " + quantizer(2) +
                           "}\n"
                           "  'conv?': {weight: " +
                           quantizer(3) + ", bias: " + quantizer(3) +
                           "}\n"
                           "  'con*1': {bias: " +
                           quantizer(4) +
                           "}\n"
                           "  'c*': {bias: " +
                           quantizer(5) +
                           "}\n"
                           "  score: none\n");
  EXPECT_EQ(run.network[0].weight_quant.bits, 1) << "the layer's own";
  EXPECT_EQ(run.network[0].bias_quant.bits, 4) << "four literal characters each; the later one";
  EXPECT_EQ(run.network[0].activation_quant.bits, 2) << "the only pattern that names it";
  EXPECT_EQ(run.network[2].weight_quant, QuantSettings{});
  EXPECT_EQ(run.network[1].activation_quant.bits, 2);
}

TEST(Quantize, AChangeOfAPatternIsMadeAtThePattern) {
  const std::string text =
      kSmall + "quantize: {\"*\": {weight: {method: ulq, bits: 2}}, s*: {weight: {method: clip, bits: 4}}}\n";
  const std::string address = "network.score.quantize.weight";
  const std::string line = address +
                           ": has no method; the quantizer that the layer has from a pattern is changed with "
                           "quantize.s*.weight.bits";
  EXPECT_EQ(mistakes(text, {address + ".bits=8"}), Lines{"command line: " + address + ".bits=8: " + line});
  EXPECT_EQ(mistakes(text + "sweep: {grid: {" + address + ".bits: [2, 4]}}\n"), Lines{"a.yaml:11:16: " + line});
  EXPECT_EQ(mistakes(text + "sweep: {seeds: 2, exclude: [{" + address + ".bits: 2}]}\n"), Lines{});
  EXPECT_EQ(read(text, {"quantize.s*.weight.bits=8"}).network[2].weight_quant.bits, 8);
  EXPECT_EQ(read(text, {address + ".bits=8", address + ".method=ulq"}).network[2].weight_quant.bits, 8);
  EXPECT_EQ(
      mistakes(text, {"network.score.quantize.bias.bits=8"}),
      Lines{"command line: network.score.quantize.bias.bits=8: network.score.quantize.bias.method: is missing; how "
            "values become codes"});
}

TEST(Quantize, PatternsAreCheckedOnceAndMustMatch) {
  EXPECT_EQ(mistakes(kSmall + "quantize: {'*': {weight: {method: ulq, bits: 20}}}\n"),
            Lines{"a.yaml:10:46: quantize.*.weight.bits: 20 is outside [1, 16] for ulq"});
  EXPECT_EQ(mistakes(kSmall + "quantize: {cnv1: none}\n"),
            Lines{"a.yaml:10:12: quantize.cnv1: matches no layer; did you mean conv1?"});
  EXPECT_EQ(mistakes(kSmall + "quantize: {conv1: {wait: none}}\n"),
            Lines{"a.yaml:10:20: quantize.conv1.wait: unknown key; one of weight, bias, activation"});
}

}  // namespace
}  // namespace qrun::test
