#include "config/defining.h"

#include <algorithm>
#include <array>

#include "config/fields/run_fields.h"
#include "config/yaml/emit.h"

namespace qrun {
namespace {

using config::Entry;
using config::Node;
using Values = std::vector<std::pair<std::string, std::string>>;

/// A key that came after the first release. While it has its default it is left out of the hashed text, so that runs of
/// before keep their ids.
struct LaterKey {
  std::string_view address;  // a layer's: network.*.key
  std::string_view text_of_default;
};
constexpr std::array<LaterKey, 1> kLater = {{{"precision", "fp32"}}};

void erase_default(Node& node, std::string_view address, std::string_view text) {
  const std::size_t dot = address.find('.');
  const std::string_view key = address.substr(0, dot);
  if (dot == std::string_view::npos) {
    const Node* value = node.find(key);
    if (value != nullptr && config::emit_inline(*value) == text) node.erase(key);
    return;
  }
  const std::string_view rest = address.substr(dot + 1);
  if (key == "*") {
    for (Node& item : node.items) erase_default(item, rest, text);
  } else if (Node* below = node.find(key); below != nullptr) {
    erase_default(*below, rest, text);
  }
}

Node defining_node(const RunSpec& run) {
  Node root = config::run_node(run);
  for (const std::string_view key : config::kOutsideId) root.erase(key);
  return root;
}

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
  Node root = defining_node(run);
  for (const LaterKey& later : kLater) erase_default(root, later.address, later.text_of_default);
  return config::emit(root, config::Quoting::kHashed);
}

std::vector<std::pair<std::string, std::string>> defining_values(const RunSpec& run) {
  Values values;
  add_values(defining_node(run), "", values);
  return values;
}

}  // namespace qrun
