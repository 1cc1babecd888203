// The list of quantizers: a new one is its header, one name here, one golden table, one row of the documentation.
#pragma once

#include <string_view>

#include "quant/clip.h"
#include "quant/dynamic_fixed_point.h"
#include "quant/ternary.h"
#include "quant/ternary_quantize.h"
#include "quant/ulq.h"

namespace qrun {

template <Quantizer... Qs>
struct QuantList {
  static constexpr int kCount = sizeof...(Qs);
  static constexpr QuantInfo kInfos[] = {Qs::kInfo...};

  /// Calls `f.template operator()<Q>()` with the quantizer of index `method` in [0, kCount).
  template <class F>
  QRUN_HD static void visit(int method, F&& f) {
    int index = 0;
    ((index++ == method ? static_cast<void>(f.template operator()<Qs>()) : static_cast<void>(0)), ...);
  }

  /// The index of a method by name or alias, or kNoQuantizer.
  static constexpr int find(std::string_view name) {
    for (int i = 0; i < kCount; ++i) {
      if (name == kInfos[i].name || (kInfos[i].alias != nullptr && name == kInfos[i].alias)) return i;
    }
    return kNoQuantizer;
  }
};

/// The index of a method in this list is its id.
using AllQuantizers = QuantList<Ulq, Ternary, TernaryQuantize, DynamicFixedPoint, Clip>;

/// The name of a method, or "none".
[[nodiscard]] constexpr const char* method_name(int method) {
  return method == kNoQuantizer ? "none" : AllQuantizers::kInfos[method].name;
}

/// Bits of the stored codes of `settings`; 32 for a blob without quantizer.
[[nodiscard]] constexpr int code_bits(const QuantSettings& settings) {
  if (settings.method == kNoQuantizer) return 32;
  const int fixed = AllQuantizers::kInfos[settings.method].code_bits;
  return fixed != 0 ? fixed : settings.bits;
}

/// Parameters for these statistics; `settings.method` is a quantizer.
QRUN_HD QParams fit(const QStats& stats, const QuantSettings& settings) {
  QParams params;
  AllQuantizers::visit(settings.method, [&]<class Q>() { params = Q::fit(stats, settings); });
  return params;
}

}  // namespace qrun
