#include "config/yaml/address.h"

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "config/sweep/axis.h"
#include "config/yaml/document.h"
#include "config/yaml/names.h"
#include "config/yaml/syntax.h"
#include "core/text.h"

namespace qrun::config {
namespace {

using Segments = std::span<const std::string>;

/// Without a line, the name of the source stands alone in messages. The column stays: it tells two mistakes apart.
void forget_lines(Node& node) {
  node.at.line = 0;
  for (Node& item : node.items) forget_lines(item);
  for (Entry& entry : node.entries) {
    entry.key_at.line = 0;
    forget_lines(entry.value);
  }
}

std::vector<std::string> names_of(const Node& layers) {
  std::vector<std::string> names;
  for (const Node& layer : layers.items) {
    const Node* name = layer.find("name");
    if (name != nullptr && name->is_scalar()) names.push_back(name->scalar);
  }
  return names;
}

std::vector<std::string> keys_of(const Node& map) {
  std::vector<std::string> keys;
  for (const Entry& entry : map.entries) {
    if (!entry.value.is_broken()) keys.push_back(entry.key);
  }
  return keys;
}

/// False for what is one value however it is written: a variable, and the sweep with its parts.
bool is_section(const std::string& address) {
  const std::string first = split(address, '.')[0];
  return first != "vars" && first != "sweep";
}

/// What Hydra writes in front of a key, and what to write here instead; "" where there is nothing of it.
std::string hydra_prefix(const std::string& text) {
  const std::string key = text.substr(0, text.find('='));
  if (key.starts_with('+'))
    return "a key that the file leaves out needs no +; write " + text.substr(text.find_first_not_of('+'));
  if (key.starts_with('~'))
    return "nothing is deleted from a file; give " + key.substr(1) + " another value, or leave it out of the file";
  return "";
}

void collect_leaves(const std::string& address, const Node& value, std::vector<std::string>& addresses) {
  if (!value.is_map() || value.entries.empty()) return addresses.push_back(address);
  for (const Entry& entry : value.entries) collect_leaves(key_address(address, entry.key), entry.value, addresses);
}

/// True if all but the last segment exist. Text on the way, such as `${q}`, counts: assign() then explains it.
bool holds_parent(const Node& node, Segments rest) {
  if (rest.size() <= 1) return true;
  if (node.is_scalar()) return node.scalar != "none";
  const Node* next = node.find(rest[0]);
  return next != nullptr && holds_parent(*next, rest.subspan(1)) && (!next->is_scalar() || next->scalar != "none");
}

/// The layers of a name or pattern, of a pattern those that hold the rest of the address, or all if none does.
template <class AnyNode>
std::vector<AnyNode*> layers_of(AnyNode& layers, Segments rest) {
  std::vector<AnyNode*> matching;
  for (AnyNode& layer : layers.items) {
    const Node* name = layer.find("name");
    if (name != nullptr && name->is_scalar() && matches(rest[0], name->scalar)) matching.push_back(&layer);
  }
  const auto has_place = [&](const Node* layer) { return holds_parent(*layer, rest.subspan(1)); };
  if (is_pattern(rest[0]) && std::ranges::any_of(matching, has_place)) std::erase_if(matching, std::not_fn(has_place));
  return matching;
}

class Assigner {
 public:
  Assigner(const Assignment& assignment, MapValue maps, Problems& problems)
      : assignment_(assignment),
        merges_(maps == MapValue::kMerges && is_section(assignment.address)),
        problems_(problems) {}

  void run(Node& root) {
    const std::vector<std::string> segments = split(assignment_.address, '.');
    if (std::ranges::any_of(segments, &std::string::empty)) {
      fail("is not an address; write names with dots between them, such as solver.lr");
    } else if (segments.size() > kMaxDepth) {
      fail("has more than " + std::to_string(kMaxDepth) + " parts; write an address of the configuration");
    } else if (segments[0] == "base" || segments[0] == "set") {
      fail("can only be given in a file; name the file that has it");
    } else if (segments[0] != "vars" || is_known_variable(root, segments)) {
      put(root, "", segments);
    }
  }

 private:
  void fail(const std::string& text) { problems_.add(assignment_.at, assignment_.address, text); }

  /// Puts a broken value in a variable's place: what refers to it is silent then.
  static void put_broken(Node& root, const std::string& variable) {
    if (root.find("vars") == nullptr) root.add("vars", map_node({}));
    Node& vars = *root.find("vars");
    if (vars.is_null()) vars.kind = Node::Kind::kMap;
    Node broken;
    broken.kind = Node::Kind::kBroken;
    if (vars.is_map()) vars.add(variable, std::move(broken));
  }

  bool is_known_variable(Node& root, const std::vector<std::string>& segments) {
    const Node* vars = root.find("vars");
    const Node none;
    if (segments.size() > 1 && vars != nullptr && vars->find(segments[1]) != nullptr) return true;
    fail(segments.size() == 1 ? "is the map of all variables; name one, such as vars.w_bits"
                              : segments[1] + " is not a variable of the file; " +
                                    suggest(segments[1], keys_of(vars == nullptr ? none : *vars)));
    if (segments.size() > 1) put_broken(root, segments[1]);
    return false;
  }

  void put(Node& node, const std::string& address, Segments rest) {
    if (rest.empty()) {
      node = merges_ ? merge(std::move(node), assignment_.value) : assignment_.value;
    } else if (node.is_list() && address == "network") {
      put_in_layers(node, rest);
    } else if (node.is_map() || node.is_null()) {
      put_in_map(node, address, rest);
    } else if (!node.is_broken()) {
      fail(address + " is " + (node.is_list() ? "a list" : node.scalar) + " here; set " + address + " as a whole");
    }
  }

  void put_in_map(Node& node, const std::string& address, Segments rest) {
    if (node.is_null()) {
      node = map_node({});
      node.at = assignment_.at;
    }
    if (node.find(rest[0]) == nullptr) {
      Node missing;
      missing.at = assignment_.at;
      node.add(rest[0], std::move(missing), assignment_.at);
    }
    put(*node.find(rest[0]), key_address(address, rest[0]), rest.subspan(1));
  }

  void put_in_layers(Node& layers, Segments rest) {
    const std::vector<Node*> matching = layers_of(layers, rest);
    if (matching.empty()) return fail("no layer is called " + rest[0] + "; " + suggest(rest[0], names_of(layers)));
    for (Node* layer : matching) put(*layer, key_address("network", layer->find("name")->scalar), rest.subspan(1));
  }

  const Assignment& assignment_;
  bool merges_;
  Problems& problems_;
};

}  // namespace

std::optional<Assignment> parse_override(const std::string& text, Problems& problems) {
  constexpr std::size_t kShown = 200;
  const Position at{"command line: " + legible(text, kShown), 0, 0};
  problems.add_source(at.file.text());
  if (find_bad_character(text)) {
    problems.add(at, "KEY=VALUE", "is not UTF-8 text; write it in UTF-8");
    return std::nullopt;
  }
  const std::size_t equals = text.find('=');
  const bool is_assignment = equals != text.npos && equals > 0;
  const std::string address = is_assignment ? text.substr(0, equals) : text;
  const auto fail = [&](const std::string& what) {
    problems.add(at, address, what);
    return std::nullopt;
  };
  if (const std::string meant = hydra_prefix(text); !meant.empty()) return fail(meant);
  if (!is_assignment) return fail("is not an override; write KEY=VALUE");
  const std::string value = text.substr(equals + 1);
  const std::optional<std::string> axis = axis_text(value);
  try {
    Problems repeated;
    Assignment assignment{address, at, parse_document(axis.value_or(value), at.file.text(), repeated),
                          axis.has_value()};
    if (!repeated.empty()) return fail("the value has a key twice; keep one");
    forget_lines(assignment.value);
    return assignment;
  } catch (const ConfigError& error) {
    const std::string& line = error.lines()[0];
    const std::size_t bare = line.rfind(kBareVariable);
    return fail(bare == line.npos ? "the value is not YAML; check its brackets and quotes" : line.substr(bare));
  }
}

std::vector<std::string> leaf_addresses(const std::string& address, const Node& value) {
  std::vector<std::string> addresses;
  collect_leaves(address, value, addresses);
  return addresses;
}

std::vector<std::string> set_addresses(const std::string& address, const Node& value) {
  return is_section(address) ? leaf_addresses(address, value) : std::vector{address};
}

std::vector<std::string> places_of(const Node& root, const std::string& address) {
  const std::vector<std::string> parts = split(address, '.');
  const Node* network = root.find("network");
  if (parts.size() < 2 || parts[0] != "network" || !is_pattern(parts[1]) || network == nullptr) return {address};
  const std::string behind = address.substr(parts[0].size() + 1 + parts[1].size());
  std::vector<std::string> places;
  for (const Node* layer : layers_of(*network, Segments(parts).subspan(1)))
    places.push_back(key_address("network", layer->find("name")->scalar) + behind);
  return places.empty() ? std::vector{address} : places;
}

std::vector<std::string> set_places(const Node& root, const Assignment& assignment) {
  std::vector<std::string> all;
  for (const std::string& place : places_of(root, assignment.address)) {
    for (std::string& address : set_addresses(place, assignment.value)) all.push_back(std::move(address));
  }
  return all;
}

void assign(Node& root, const Assignment& assignment, MapValue maps, Problems& problems) {
  Assigner(assignment, maps, problems).run(root);
}

}  // namespace qrun::config
