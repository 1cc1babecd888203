#include "config/defining.h"

#include "config/fields/run.h"
#include "config/yaml/emit.h"

namespace qrun {
namespace {

using config::Entry;
using config::Node;
using Values = std::vector<std::pair<std::string, std::string>>;

void add_values(const Node& node, const std::string& address, Values& values) {
  const bool has_layers = node.is_list() && !node.items.empty() && node.items.front().is_map();
  if (has_layers) {
    for (std::size_t i = 0; i < node.items.size(); ++i)
      add_values(node.items[i], config::item_address(address, node, i), values);
  } else if (node.is_map()) {
    for (const Entry& entry : node.entries) {
      const bool is_quantizer = address.ends_with(".quantize") && !entry.value.is_map();
      add_values(entry.value, config::key_address(address, entry.key) + (is_quantizer ? ".method" : ""), values);
    }
  } else {
    values.emplace_back(address, config::emit_inline(node));
  }
}

}  // namespace

std::string defining_text(const RunSpec& run) {
  config::TextSink text(config::Quoting::kHashed);
  config::write_run(run, {text, config::kDefining, true});
  return text.take();
}

std::vector<std::pair<std::string, std::string>> defining_values(const RunSpec& run) {
  config::TreeSink tree;
  config::write_run(run, {tree, config::kDefining});
  Values values;
  add_values(tree.take(), "", values);
  return values;
}

}  // namespace qrun
