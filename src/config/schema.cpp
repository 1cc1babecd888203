#include "config/table/schema.h"

#include <nlohmann/json.hpp>

#include "config/fields/quantize.h"
#include "config/fields/run.h"
#include "config/read.h"

namespace qrun {
namespace config {
namespace {

nlohmann::ordered_json to_json(const Node& node) {
  if (node.is_list()) {
    auto list = nlohmann::ordered_json::array();
    for (const Node& item : node.items) list.push_back(to_json(item));
    return list;
  }
  if (node.is_map()) {
    auto map = nlohmann::ordered_json::object();
    for (const Entry& entry : node.entries) map[entry.key] = to_json(entry.value);
    return map;
  }
  if (node.is_null()) return nullptr;
  if (node.quoted) return node.scalar;
  return nlohmann::ordered_json::parse(node.scalar);  // plain scalars are numbers and booleans
}

Node required(const std::vector<std::string>& names) {
  std::vector<Node> items;
  for (const std::string& name : names) items.push_back(text_node(name));
  return map_node({{"required", list_node(std::move(items))}});
}

}  // namespace

}  // namespace config

std::string config_schema() {
  config::Node schema = config::schema_of(config::file_rows());
  // Below the top level nothing is required: a base may give it.
  schema.add("anyOf",
             config::list_node({config::required({"base"}), config::required({"data", "network", "solver", "train"})}));
  const config::Node variable =
      config::map_node({{"type", config::text_node("string")}, {"pattern", config::text_node(R"(\$\{[^}]+\})")}});
  schema.add("$defs", config::map_node(
                          {{"variable", variable}, {"quantizers", config::or_variable(config::schema_of_quants())}}));
  config::Node root = config::map_node({{"$schema", config::text_node("https://json-schema.org/draft/2020-12/schema")},
                                        {"title", config::text_node("qrun configuration")}});
  for (config::Entry& entry : schema.entries) root.entries.push_back(std::move(entry));
  return config::to_json(root).dump(2) + "\n";
}

}  // namespace qrun
