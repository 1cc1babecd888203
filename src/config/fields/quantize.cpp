#include "config/fields/quantize.h"

#include <algorithm>
#include <string_view>

#include "config/table/field.h"
#include "config/yaml/names.h"
#include "config/yaml/scalars.h"
#include "core/enum_names.h"
#include "quant/all.h"

namespace qrun::config {
namespace {

constexpr const char* kNoneName = "none";

constexpr std::size_t kAliases = static_cast<std::size_t>(
    std::ranges::count_if(AllQuantizers::kInfos, [](const QuantInfo& info) { return info.alias != nullptr; }));

/// Names and aliases of all methods, then none.
constexpr auto kMethodNames = [] {
  std::array<const char*, AllQuantizers::kCount + kAliases + 1> names{};
  auto* next = names.begin();
  for (const QuantInfo& info : AllQuantizers::kInfos) *next++ = info.name;
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    if (info.alias != nullptr) *next++ = info.alias;
  }
  *next = kNoneName;
  return names;
}();

/// What `bits` may be for some method.
constexpr IntRange kWidths = [] {
  IntRange range{.min = 64, .max = 0};
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    range.min = std::min(range.min, static_cast<std::uint64_t>(info.min_bits));
    range.max = std::max(range.max, static_cast<std::uint64_t>(info.max_bits));
  }
  return range;
}();

bool is_none(const QuantSettings& settings) { return settings.method == kNoQuantizer; }
const QuantInfo& info_of(const QuantSettings& settings) { return AllQuantizers::kInfos[settings.method]; }

void read_method(QuantSettings& settings, const Value& value) {
  if (const auto index = read_choice(value, kMethodNames)) settings.method = AllQuantizers::find(kMethodNames[*index]);
}

void write_method(const QuantSettings& settings, const Writing& to) { to.sink.text(method_name(settings.method)); }

Node schema_of_method() { return schema_of_choice(kMethodNames); }

bool needs_bits(const QuantSettings& settings) { return !is_none(settings) && info_of(settings).fixed_bits == 0; }

void read_bits(QuantSettings& settings, const Value& value) {
  if (is_none(settings)) return;
  const QuantInfo& info = info_of(settings);
  const std::string whose = std::string(" for ") + info.name;
  const IntRange range{static_cast<std::uint64_t>(info.min_bits), static_cast<std::uint64_t>(info.max_bits)};
  if (const auto bits = read_integer(value, range, whose)) settings.bits = static_cast<int>(*bits);
}

void write_bits(const QuantSettings& settings, const Writing& to) {
  to.sink.integer(static_cast<std::int64_t>(settings.bits));
}

Node schema_of_bits() { return schema_of_integer(kWidths); }

template <Blob blob>
void read_per_channel(QuantSettings& settings, const Value& value) {
  const std::optional<bool> read = read_boolean(value);
  if (read && *read && blob != Blob::kWeight) return value.fail("true is for weights only; false");
  if (read) settings.per_channel = *read;
}

/// True where the method has no such option. With `none` everything is let through, for sweeps over methods.
template <bool QuantInfo::*option>
bool lacks(const QuantSettings& settings) {
  return !is_none(settings) && !(info_of(settings).*option);
}

template <bool QuantInfo::*option>
std::string why_it_lacks(const QuantSettings& settings) {
  std::vector<std::string> owners;
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    if (info.*option) owners.emplace_back(info.name);
  }
  return std::string("does not belong to ") + info_of(settings).name + "; it is for " + join(owners);
}

template <Blob blob>
void read_range(QuantSettings& settings, const Value& value) {
  const std::string wanted =
      blob == Blob::kActivation ? "batch, ema or a positive number" : "batch or a positive number";
  if (!value.node.is_scalar()) return value.fail_kind(wanted);
  const std::string& text = value.node.scalar;
  const double number = value.node.quoted ? 0 : parse_number(text).value_or(0);
  if (text == "batch") {
    settings.range = Range::kBatch;
  } else if (text == "ema" && blob == Blob::kActivation) {
    settings.range = Range::kEma;
  } else if (text == "ema") {
    value.fail("ema is for activations; " + wanted);
  } else if (number > 0) {
    settings.range = Range::kFixed;
    settings.range_value = number;
  } else {
    value.fail(text + " is not a range; " + wanted);
  }
}

void write_range(const QuantSettings& settings, const Writing& to) {
  if (settings.range == Range::kFixed) return to.sink.number(settings.range_value);
  to.sink.text(name_of(settings.range));
}

Node schema_of_range() {
  return schema_any_of({schema_of_choice(std::span(kRangeNames).first<2>()), schema_of_number(kPositive)});
}

bool has_no_average(const QuantSettings& settings) {
  return !is_none(settings) && (!info_of(settings).has_range || settings.range != Range::kEma);
}

std::string why_no_average(const QuantSettings& settings) {
  return info_of(settings).has_range ? "is for range: ema; leave it out"
                                     : why_it_lacks<&QuantInfo::has_range>(settings);
}

template <Blob blob>
constexpr auto per_channel_field() {
  const auto field =
      boolean<&QuantSettings::per_channel>("per_channel", "each output channel by itself (weights only)", Role::kNumber)
          .template read_by<read_per_channel<blob>>();
  return blob == Blob::kWeight ? field : field.unwritten();
}

template <Blob blob>
constexpr auto range_field() {
  return field<QuantSettings>("range", "largest magnitude that is kept: of the batch, its moving average, or a number",
                              Role::kNumber)
      .written_by<write_range>()
      .described_by<schema_of_range>()
      .refused_if<lacks<&QuantInfo::has_range>, why_it_lacks<&QuantInfo::has_range>>()
      .template read_by<read_range<blob>>();
}

template <Blob blob>
constexpr auto kQuantFields =
    fields(field<QuantSettings>("method", "how values become codes", Role::kNumber)
               .read_by<read_method>()
               .written_by<write_method>()
               .described_by<schema_of_method>()
               .required(),
           field<QuantSettings>("bits", "width of a code", Role::kNumber)
               .read_by<read_bits>()
               .written_by<write_bits>()
               .described_by<schema_of_bits>()
               .required_if<needs_bits>(),
           per_channel_field<blob>(),
           choice<&QuantSettings::gradient>("gradient", "what passes back through the rounding", Role::kNumber),
           choice<&QuantSettings::lambda>("lambda", "table of steps", Role::kNumber)
               .refused_if<lacks<&QuantInfo::has_lambda>, why_it_lacks<&QuantInfo::has_lambda>>(),
           range_field<blob>(),
           number<&QuantSettings::ema_momentum>("ema_momentum", "share of the old average", Role::kNumber, kBelowOne)
               .refused_if<has_no_average, why_no_average>());

bool says_none(const Node& node) { return node.is_scalar() && node.scalar == kNoneName; }

template <Blob blob>
void read_quant(BlobQuants& quants, const Value& value) {
  QuantSettings& settings = quants[static_cast<std::size_t>(blob)].emplace();
  if (says_none(value.node)) return;
  if (!value.node.is_map()) return value.fail_kind("{method: ulq, bits: 2} or none is wanted");
  read_fields(value, kQuantFields<blob>, settings);
  if (is_none(settings)) {
    settings = {};
  } else if (info_of(settings).fixed_bits != 0) {
    settings.bits = info_of(settings).fixed_bits;
  }
}

template <Blob blob>
Node schema_of_quant() {
  return schema_any_of({schema_of_choice({&kNoneName, 1}), schema_of(kQuantFields<blob>.rows)});
}

template <Blob blob>
constexpr auto blob_field() {
  return field<BlobQuants>(kBlobNames[static_cast<std::size_t>(blob)], nullptr, Role::kNumber)
      .template read_by<read_quant<blob>>()
      .template described_by<schema_of_quant<blob>>();
}

constexpr auto kBlobFields =
    fields(blob_field<Blob::kWeight>(), blob_field<Blob::kBias>(), blob_field<Blob::kActivation>());

}  // namespace

BlobQuants read_quants(const Value& value) {
  if (says_none(value.node)) return {QuantSettings{}, QuantSettings{}, QuantSettings{}};
  BlobQuants quants;
  if (value.node.is_map()) {
    read_fields(value, kBlobFields, quants);
  } else {
    value.fail_kind("a map of weight, bias, activation, or none, is wanted");
  }
  return quants;
}

bool names_blob(const Node& quants, Blob blob) {
  return says_none(quants) || quants.find(kBlobNames[static_cast<std::size_t>(blob)]) != nullptr;
}

void write_quant(const QuantSettings& settings, Blob blob, const Writing& to) {
  if (is_none(settings)) return to.sink.text(kNoneName);
  if (blob == Blob::kWeight) return write_fields(kQuantFields<Blob::kWeight>, settings, to);
  write_fields(kQuantFields<Blob::kActivation>, settings, to);  // a bias is written alike
}

Node schema_of_quants() { return schema_any_of({schema_of_choice({&kNoneName, 1}), schema_of(kBlobFields.rows)}); }

}  // namespace qrun::config
