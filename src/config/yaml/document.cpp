#include "config/yaml/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include "config/paths.h"
#include "config/yaml/syntax.h"

namespace qrun::config {
namespace {

constexpr const char* kKey = "YAML";  // what a mistake below the level of keys is filed under

std::size_t depth_of(const Node& node) {
  std::size_t deepest = 0;
  for (const Node& item : node.items) deepest = std::max(deepest, depth_of(item));
  for (const Entry& entry : node.entries) deepest = std::max(deepest, depth_of(entry.value));
  return deepest + 1;
}

/// Builds the tree from the parser's events; every bound is checked before the nodes are made.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  [[nodiscard]] Node take() { return std::move(root_); }

  /// What a syntax error is to be seen with.
  [[nodiscard]] SyntaxContext context(const std::string& text) const {
    SyntaxContext context{.text = text, .file = file_.text(), .open_bracket = {}, .last = last_};
    if (!open_.empty() && open_.back().has_brackets) {
      context.open_bracket = open_.back().node.at;
      context.open_is_map = open_.back().node.is_map();
    }
    return context;
  }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = start(Node::Kind::kNull, "", mark);
    if (!open_.empty() && open_.back().key) {  // where nothing is written the mark is that of what comes next
      const Position& key = open_.back().key->at;
      if (node.at.line != key.line || node.at.column < key.column) node.at = key;
    }
    add(std::move(node), anchor, 1);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = start(Node::Kind::kScalar, tag, mark);
    node.scalar = value;
    node.quoted = tag == "!";
    add(std::move(node), anchor, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end())
      fail(mark, "an alias refers to what it is part of; only finished values can be reused");
    if (open_.size() + depth_of(known->second) > kMaxDepth) fail_depth(mark);
    add(Node(known->second), 0, count_nodes(known->second));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(start(Node::Kind::kList, tag, mark), mark, anchor, style);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(start(Node::Kind::kMap, tag, mark), mark, anchor, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_brackets = false;
    std::optional<Node> key;
  };

  [[nodiscard]] Position position(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& text) const {
    throw ConfigError(position(mark), kKey, text);
  }
  [[noreturn]] void fail_depth(const YAML::Mark& mark) const {
    fail(mark, "nested too deeply; at most " + std::to_string(kMaxDepth) + " levels are read");
  }

  Node start(Node::Kind kind, const std::string& tag, const YAML::Mark& mark) const {
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "the tag " + tag + " is not supported; leave it out");
    Node node;
    node.kind = kind;
    node.at = position(mark);
    return node;
  }

  void open(Node node, const YAML::Mark& mark, YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    if (open_.size() >= kMaxDepth) fail_depth(mark);
    count(node.at, 1);
    last_ = node.at;
    open_.push_back({std::move(node), anchor, style == YAML::EmitterStyle::Flow, std::nullopt});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor, 0);
  }

  void count(const Position& at, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ <= kMaxNodes) return;
    throw ConfigError(at, kKey, "more than " + std::to_string(kMaxNodes) + " nodes after aliases; split the file");
  }

  void add(Node node, YAML::anchor_t anchor, std::size_t nodes) {
    count(node.at, nodes);
    last_ = node.at;
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      check_key(node);
      parent.key = std::move(node);
    } else {
      parent.node.add(std::move(parent.key->scalar), std::move(node), std::move(parent.key->at));
      parent.key.reset();
    }
  }

  static void check_key(const Node& key) {
    if (!key.is_scalar()) throw ConfigError(key.at, kKey, "a key is not text; write it as a name or in quotes");
    if (key.scalar == "<<") throw ConfigError(key.at, kKey, "merge keys are not supported; use base, or an alias");
  }

  FileName file_;
  Node root_;
  Position last_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

/// Keeps the first of repeated keys.
void report_repeated(Node& node, const std::string& address, Problems& problems) {
  std::map<std::string, Position> seen;
  std::erase_if(node.entries, [&](const Entry& entry) {
    const auto [first, is_new] = seen.try_emplace(entry.key, entry.key_at);
    if (!is_new) {
      problems.add(entry.key_at, key_address(address, entry.key),
                   "is given twice, first in line " + std::to_string(first->second.line) + "; keep one");
    }
    return !is_new;
  });
  for (Entry& entry : node.entries) report_repeated(entry.value, key_address(address, entry.key), problems);
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    report_repeated(node.items[i], item_address(address, node, i), problems);
  }
}

}  // namespace

Node parse_document(const std::string& text, const std::string& file, Problems& problems) {
  if (const std::optional<std::size_t> bad = find_bad_character(text)) {
    throw ConfigError(position_of(text, file, *bad), kKey,
                      "a byte that is not UTF-8 text, or a control character; save the file as UTF-8");
  }
  TreeBuilder builder(file);
  try {
    // Behind a newline yaml-cpp takes the end of the file for the end of an open quote.
    std::istringstream stream(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder second(file);
    if (parser.HandleNextDocument(second)) {
      throw ConfigError(second.take().at, kKey, "a second document starts before this; keep one");
    }
  } catch (const YAML::Exception& error) {
    throw explain(error, builder.context(text));
  }
  Node root = builder.take();
  if (root.at.file.empty()) root.at = {file, 1, 1};  // no document at all
  report_repeated(root, "", problems);
  return root;
}

std::string read_file(const std::string& path, const Position& at, const std::string& key) {
  const auto fail = [&](const std::string& text) { throw ConfigError(at, key, text); };
  std::error_code ignored;  // whatever hinders this hinders reading, too, which then says why
  if (std::filesystem::is_directory(path, ignored)) fail("cannot read " + path + ": is a folder; name a YAML file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof()) {
    const int reason = errno;
    const std::string near = reason == ENOENT ? near_configurations(path) : "";
    fail("cannot read " + path + ": " + std::generic_category().message(reason) +
         (near.empty() ? "; name a YAML file" : "; nearest there: " + near));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxBytes) fail(path + " is over 1 MiB; a configuration is smaller");
  return text;
}

}  // namespace qrun::config
