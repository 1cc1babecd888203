#include "config/yaml/emit.h"

namespace qrun::config {
namespace {

void write(const Node& node, Sink& sink) {
  if (node.is_null()) return sink.null();
  if (!node.is_list() && !node.is_map()) return node.quoted ? sink.text(node.scalar) : sink.plain(node.scalar);
  sink.open(node.is_list() ? Sink::Collection::kList : Sink::Collection::kMap);
  for (const Node& item : node.items) write(item, sink);
  for (const Entry& entry : node.entries) {
    sink.key(entry.key);
    write(entry.value, sink);
  }
  sink.close();
}

}  // namespace

std::string emit_inline(const Node& node) {
  constexpr Quoting kQuoting = Quoting::kHashed;
  if (node.is_null()) return "null";
  if (!node.is_list() && !node.is_map())
    return node.quoted ? quote_if_needed(node.scalar, kQuoting) : plain_text(node.scalar, kQuoting);
  std::string text;
  for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + emit_inline(item);
  for (const Entry& entry : node.entries)
    text += (text.empty() ? "" : ", ") + quote_if_needed(entry.key, kQuoting) + ": " + emit_inline(entry.value);
  return (node.is_list() ? "[" : "{") + text + (node.is_list() ? "]" : "}");
}

std::string emit(const Node& root, Quoting quoting) {
  TextSink sink(quoting);
  write(root, sink);
  return sink.take();
}

}  // namespace qrun::config
