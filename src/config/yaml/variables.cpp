#include "config/yaml/variables.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "config/yaml/document.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

constexpr std::string_view kOpen = "${";

void mark_origin(Node& node, const std::string& origin) {
  if (!node.origin.empty()) return;  // it came from another variable
  node.origin = origin;
  for (Node& item : node.items) mark_origin(item, origin);
  for (Entry& entry : node.entries) mark_origin(entry.value, key_address(origin, entry.key));
}

/// True if the text is one reference and nothing else.
bool is_whole(const std::string& text) { return text.starts_with(kOpen) && text.find('}') == text.size() - 1; }

class Filler {
 public:
  Filler(const Node& vars, const std::set<std::string>& later, Problems& problems, std::size_t elsewhere)
      : later_(later), problems_(problems), nodes_(elsewhere) {
    are_known_ = vars.is_map() || vars.is_null();
    if (!are_known_) problems_.add(vars, "vars", "is not a map; write {name: value}");
    for (const Entry& entry : vars.entries) {
      variables_[entry.key] = {&entry, State::kUntouched, {}};
      if (entry.value.is_broken()) continue;  // no variable of the file
      if (!is_name(entry.key, "")) {
        problems_.add(entry.key_at, "vars." + entry.key, "is not a name; use letters, digits, _ and -");
      }
      names_.push_back(entry.key);
    }
    for (const std::string& name : names_) {
      if (!later_.contains(name)) (void)resolve(name);
    }
  }

  void fill(Node& node, const std::string& address) {
    if (++nodes_ > kMaxNodes) too_large(node, "more than " + std::to_string(kMaxNodes) + " nodes after variables");
    if (node.is_scalar() && node.scalar.find(kOpen) != std::string::npos) fill_scalar(node, address);
    for (Entry& entry : node.entries) {
      ++nodes_;
      if (!address.empty() || entry.key != "vars") fill(entry.value, key_address(address, entry.key));
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) fill(node.items[i], item_address(address, node, i));
  }

 private:
  enum class State : std::uint8_t { kUntouched, kUnderWay, kDone };
  struct Variable {
    const Entry* entry = nullptr;
    State state = State::kUntouched;
    Node value;
  };

  [[noreturn]] static void too_large(const Node& node, const std::string& what) {
    throw ConfigError(node.at, "YAML", what + "; use fewer or shorter variables");
  }

  /// The value of a defined variable, itself filled in; broken where it is circular.
  const Node& resolve(const std::string& name) {
    Variable& variable = variables_.at(name);
    if (variable.state == State::kUntouched) {
      if (path_.size() >= kMaxDepth) fail_depth(variable.entry->value, name);
      variable.state = State::kUnderWay;
      path_.push_back(name);
      Node value = variable.entry->value;
      fill(value, "vars." + name);
      mark_origin(value, "vars." + name);
      path_.pop_back();
      variable.value = std::move(value);
      variable.state = State::kDone;
    } else if (variable.state == State::kUnderWay) {
      report_circle(name);
      return broken_;
    }
    return variable.value;
  }

  [[noreturn]] static void fail_depth(const Node& value, const std::string& name) {
    throw ConfigError(
        value.at, "vars." + name,
        "is named through more than " + std::to_string(kMaxDepth) + " other variables; shorten the chain");
  }

  void report_circle(const std::string& name) {
    std::string circle;
    for (auto link = std::ranges::find(path_, name); link != path_.end(); ++link) circle += *link + " -> ";
    problems_.add(variables_.at(name).entry->value.at, "vars." + name,
                  "refers to itself: " + circle + name + "; break the circle");
  }

  /// What one reference stands for, or nothing where that is a mistake (then reported).
  std::optional<Node> look_up(const std::string& reference, const Node& user, const std::string& address) {
    if (reference.starts_with("env:")) return look_up_environment(reference.substr(4), user, address);
    if (variables_.contains(reference)) {
      const Node& value = resolve(reference);
      return value.is_broken() ? std::nullopt : std::optional(value);
    }
    if (are_known_ && undefined_.insert(reference).second) {
      report_once(user, address, "${" + reference + "} is not defined; " + remedy(reference));
    }
    return std::nullopt;
  }

  std::string remedy(const std::string& reference) const {
    if (std::getenv(reference.c_str()) != nullptr) return "the environment's is ${env:" + reference + "}";
    return names_.empty() ? "define it under vars" : suggest(reference, names_);
  }

  std::optional<Node> look_up_environment(const std::string& name, const Node& user, const std::string& address) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr) {
      Node node = plain_node(value);
      node.at = user.at;
      return node;
    }
    if (undefined_.insert("env:" + name).second) {
      report_once(user, address, "${env:" + name + "} is not set in the environment; set it, or write the value");
    }
    return std::nullopt;
  }

  /// The sweep and the rest of a document are filled in apart.
  void report_once(const Node& user, const std::string& address, const std::string& text) {
    if (!problems_.has(text)) problems_.add(user, address, text);
  }

  static void break_node(Node& node) { node.kind = Node::Kind::kBroken; }

  void fill_scalar(Node& node, const std::string& address) {
    if (!is_whole(node.scalar)) return fill_text(node, address);
    const std::string reference = node.scalar.substr(2, node.scalar.size() - 3);
    if (later_.contains(reference)) return;
    std::optional<Node> value = look_up(reference, node, address);
    if (!value) return break_node(node);
    nodes_ += count_nodes(*value) - 1;
    if (nodes_ > kMaxNodes) too_large(node, "more than " + std::to_string(kMaxNodes) + " nodes after variables");
    node = std::move(*value);
  }

  void fill_text(Node& node, const std::string& address) {
    std::string text;
    std::size_t from = 0;
    for (std::size_t open = node.scalar.find(kOpen); open != std::string::npos; open = node.scalar.find(kOpen, from)) {
      const std::size_t close = node.scalar.find('}', open);
      if (close == std::string::npos) {
        problems_.add(node, address, "${ without }; write ${name}");
        return break_node(node);
      }
      const std::string reference = node.scalar.substr(open + 2, close - open - 2);
      if (later_.contains(reference)) {
        text += node.scalar.substr(from, close + 1 - from);
        from = close + 1;
        continue;
      }
      const std::optional<Node> value = look_up(reference, node, address);
      if (!value) return break_node(node);
      if (!value->is_scalar()) {
        problems_.add(node, address,
                      "a map, a list or nothing can't be part of a text; use a variable that is a value");
        return break_node(node);
      }
      text += node.scalar.substr(from, open - from) + value->scalar;
      if (text.size() > kMaxBytes) too_large(node, "a text over 1 MiB after variables");
      from = close + 1;
    }
    node.scalar = text + node.scalar.substr(from);
  }

  const std::set<std::string>& later_;
  Problems& problems_;
  const Node broken_ = [] {
    Node node;
    node.kind = Node::Kind::kBroken;
    return node;
  }();
  std::vector<std::string> names_;  // in the order of the file
  std::map<std::string, Variable> variables_;
  bool are_known_ = true;            // false: vars is no map, and nothing can be said of what it should define
  std::vector<std::string> path_;    // variables under way
  std::set<std::string> undefined_;  // reported already
  std::size_t nodes_;
};

}  // namespace

void fill_in_variables(Node& root, Problems& problems, std::size_t elsewhere) {
  const Node* found = root.find("vars");
  const Node vars = found == nullptr ? Node{} : *found;
  Filler(vars, {}, problems, elsewhere).fill(root, "");
}

void fill_in_variables(Node& part, const std::string& address, const Node& vars, const std::set<std::string>& later,
                       Problems& problems) {
  Filler(vars, later, problems, 0).fill(part, address);
}

}  // namespace qrun::config
