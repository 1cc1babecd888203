// A Python batch is a pickled dictionary; its array is a call of numpy's, of which the arguments are read.
#include <algorithm>
#include <optional>

#include "core/error.h"
#include "data/import/cifar.h"
#include "data/import/pickle.h"

namespace qrun {
namespace {

using Kind = PickleValue::Kind;
using Values = std::vector<const PickleValue*>;

bool is_call_of(const PickleValue& value, std::string_view module_end, std::string_view name) {
  if (value.kind != Kind::kCall || value.items[0]->kind != Kind::kName) return false;
  const std::string& called = value.items[0]->text;
  return called.ends_with(std::string(module_end) + "." + std::string(name));
}

/// Returns the items of a sequence of `count` or more; nullptr for anything else.
const Values* sequence_of(const PickleValue& value, std::size_t count) {
  return value.kind == Kind::kSequence && value.items.size() >= count ? &value.items : nullptr;
}

/// Python 3 writes bytes for protocol 2 as text, of which each character is one of them.
std::optional<std::string> latin1(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    if (c < 0x80) {
      bytes += text[i];
    } else if ((c == 0xc2 || c == 0xc3) && i + 1 < text.size()) {
      bytes += static_cast<char>((c & 3U) << 6U | (static_cast<std::uint8_t>(text[++i]) & 0x3fU));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

std::optional<std::string> bytes_of(const PickleValue& value) {
  if (value.kind == Kind::kText || value.kind == Kind::kBytes) return value.text;
  if (!is_call_of(value, "_codecs", "encode")) return std::nullopt;
  const Values* arguments = sequence_of(*value.items[1], 1);
  return arguments != nullptr && (*arguments)[0]->kind == Kind::kText ? latin1((*arguments)[0]->text) : std::nullopt;
}

/// The value of a key of a map; nullptr where there is none.
const PickleValue* find(const PickleValue& map, std::string_view key) {
  if (map.kind != Kind::kMap) return nullptr;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (bytes_of(*map.items[i]) == key) return map.items[i + 1];
  }
  return nullptr;
}

bool is_bytes_type(const PickleValue& value) {
  if (!is_call_of(value, "numpy", "dtype")) return false;
  const Values* arguments = sequence_of(*value.items[1], 1);
  return arguments != nullptr && ((*arguments)[0]->text == "u1" || (*arguments)[0]->text == "|u1");
}

bool is_shape(const PickleValue& value, std::size_t bytes) {
  const Values* sides = sequence_of(value, 2);
  return sides != nullptr && sides->size() == 2 && (*sides)[1]->number == kCifarShape.size() &&
         bytes % static_cast<std::size_t>(kCifarShape.size()) == 0 &&
         static_cast<std::uint64_t>((*sides)[0]->number) == bytes / static_cast<std::size_t>(kCifarShape.size());
}

/// The bytes of numpy's uint8 array [n][3072] in C's order; nothing of any other value.
std::optional<std::string> pixels_of(const PickleValue& array) {
  const Values* parts = nullptr;  // shape, type, whether in Fortran's order, bytes
  if (is_call_of(array, "multiarray", "_reconstruct") && array.items.size() == 3)
    parts = sequence_of(*array.items[2], 5);
  const bool is_buffer = is_call_of(array, "numeric", "_frombuffer");  // of protocol 5
  if (is_buffer) parts = sequence_of(*array.items[1], 4);
  if (parts == nullptr) return std::nullopt;
  const PickleValue& shape = *(*parts)[is_buffer ? 2 : 1];
  const PickleValue& type = *(*parts)[is_buffer ? 1 : 2];
  const PickleValue& order = *(*parts)[3];
  const bool is_c = is_buffer ? order.text == "C" : order.kind == Kind::kNumber && order.number == 0;
  std::optional<std::string> bytes = bytes_of(*(*parts)[is_buffer ? 0 : 4]);
  if (!is_c || !is_bytes_type(type) || !bytes || !is_shape(shape, bytes->size())) return std::nullopt;
  return bytes;
}

void append(const PickleValue& batch, const CifarLabels& labels, LabelledImages& set) {
  const char* key = labels.classes == 10 ? "labels" : "fine_labels";
  const PickleValue* data = find(batch, "data");
  const PickleValue* list = find(batch, key);
  if (data == nullptr || list == nullptr)
    throw Error(std::string("no dictionary with data and ") + key + ", as CIFAR's batches are");
  const std::optional<std::string> pixels = pixels_of(*data);
  if (!pixels || pixels->empty()) throw Error("its data is no numpy array of bytes [n][3072]");
  const std::size_t items = pixels->size() / static_cast<std::size_t>(kCifarShape.size());
  const bool are_labels = list->kind == Kind::kSequence && std::ranges::all_of(list->items, [&](const PickleValue* v) {
                            return v->kind == Kind::kNumber && v->number >= 0 && v->number < labels.classes;
                          });
  if (!are_labels || list->items.size() != items) {
    throw Error(std::string("its ") + key + " are no list of " + std::to_string(items) + " numbers below " +
                std::to_string(labels.classes));
  }
  set.pixels.insert(set.pixels.end(), pixels->begin(), pixels->end());
  for (const PickleValue* label : list->items) set.labels.push_back(static_cast<std::int32_t>(label->number));
}

}  // namespace

void append_cifar_python(std::span<const std::uint8_t> batch, const CifarLabels& labels, const std::string& path,
                         LabelledImages& set) {
  try {
    append(Pickle(batch).value(), labels, set);
  } catch (const Error& error) {
    throw Error(path + ": " + error.what());
  }
}

}  // namespace qrun
