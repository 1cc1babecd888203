#include "store/column.h"

#include <cctype>
#include <set>
#include <type_traits>
#include <variant>

#include "store/typed_value.h"

namespace qrun {
namespace {

/// Text as it was meant: `TernaryQuantize` is ternary_quantize.
std::string plain(const TypedValue& value) {
  std::string text;
  for (const char c : std::get<std::string>(value)) {
    if (c != '_') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

double number_of(const TypedValue& value) {
  return std::visit(
      [](const auto& v) {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
          return 0.0;
        } else {
          return static_cast<double>(v);
        }
      },
      value);
}

}  // namespace

void Column::set(std::size_t run, const std::string& text) {
  const auto [at, is_new] = known_.try_emplace(text, static_cast<int>(texts_.size()));
  if (is_new) texts_.push_back(text);
  cells_[run] = at->second;
}

bool Column::differs() const {
  std::set<int> values(cells_.begin(), cells_.end());
  values.erase(kUnknown);
  return values.size() > 1;
}

void ColumnTable::set(std::size_t run, const std::string& address, const std::string& text, int missing) {
  const auto [at, is_new] = index_.try_emplace(address, columns_.size());
  if (is_new) columns_.emplace_back(address, runs_, missing);
  columns_[at->second].set(run, text);
}

const Column* ColumnTable::find(const std::string& address) const {
  const auto at = index_.find(address);
  return at == index_.end() ? nullptr : &columns_[at->second];
}

bool repeats(const std::string& text, const std::string& swept) {
  if (text == swept) return true;
  if (swept.starts_with('{') || swept.starts_with('[')) return swept.find(text) != std::string::npos;
  const TypedValue a = typed_value(text);
  const TypedValue b = typed_value(swept);
  const bool is_text = std::holds_alternative<std::string>(a);
  if (is_text && std::holds_alternative<std::string>(b) && plain(a) == plain(b)) return true;
  if (is_text) {
    const std::string part = std::holds_alternative<std::string>(b) ? std::get<std::string>(b) : swept;
    return !part.empty() && text.find(part) != std::string::npos;
  }
  return !std::holds_alternative<std::string>(b) && number_of(a) == number_of(b);
}

}  // namespace qrun
