#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "config/fields/run_fields.h"
#include "config/read.h"
#include "config/yaml/scalars.h"

namespace qrun {
namespace config {
namespace {

/// True where any text is right, so that nothing is to be said about variables.
bool allows_text(const Node& schema) {
  const auto is_string = [](const Node& type) { return type.scalar == "string"; };
  const Node* type = schema.find("type");
  const Node* choices = schema.find("anyOf");
  return (type != nullptr && (is_string(*type) || std::ranges::any_of(type->items, is_string))) ||
         (choices != nullptr && std::ranges::any_of(choices->items, allows_text));
}

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

Node strings(const std::vector<std::string>& names) {
  std::vector<Node> items;
  for (const std::string& name : names) items.push_back(text_node(name));
  return list_node(std::move(items));
}

}  // namespace

Node or_variable(Node schema) {
  Node* choices = schema.find("anyOf");
  if (choices == nullptr) return schema_any_of({std::move(schema), schema_ref("variable")});
  choices->items.push_back(schema_ref("variable"));
  return schema;
}

Node or_null(Node schema) { return schema_any_of({std::move(schema), map_node({{"type", text_node("null")}})}); }

Node schema_ref(const std::string& name) { return map_node({{"$ref", text_node("#/$defs/" + name)}}); }

Node schema_any_of(std::vector<Node> schemas) { return map_node({{"anyOf", list_node(std::move(schemas))}}); }

Node schema_of_choice(const std::vector<std::string>& names) { return map_node({{"enum", strings(names)}}); }

Node schema_of_integer(const IntRange& range) {
  return map_node({{"type", text_node("integer")},
                   {"minimum", plain_node(std::to_string(range.min))},
                   {"maximum", plain_node(std::to_string(range.max))}});
}

Node schema_of_number(const NumberRange& range) {
  Node schema = map_node({{"type", text_node("number")}});
  const auto bound = [&](const char* open, const char* closed, bool is_open, double value) {
    if (std::isfinite(value)) {
      schema.add(is_open ? open : closed, plain_node(format_number(value)));
    }
  };
  bound("exclusiveMinimum", "minimum", range.low_open, range.low);
  bound("exclusiveMaximum", "maximum", range.high_open, range.high);
  return schema;
}

Node schema_of(const Fields& fields) {
  Node properties = map_node({});
  for (const Field& field : fields) {
    if (!field.schema) continue;
    Node schema = field.schema();
    if (!field.is_literal && !allows_text(schema)) schema = or_variable(std::move(schema));
    if (field.nullable) schema = or_null(std::move(schema));
    if (!field.about.empty()) schema.add("description", text_node(std::string(field.about)));
    properties.add(field.name, std::move(schema));
  }
  return map_node({{"type", text_node("object")},
                   {"properties", std::move(properties)},
                   {"additionalProperties", plain_node("false")}});
}

}  // namespace config

std::string config_schema() {
  RunSpec run;
  config::NetworkDraft draft{.layers = run.network};
  config::Node schema = config::schema_of(config::file_fields(run, draft));
  // Below the top level nothing is required: a base may give it.
  const auto required = [](const std::vector<std::string>& names) {
    return config::map_node({{"required", config::strings(names)}});
  };
  schema.add("anyOf", config::list_node({required({"base"}), required({"data", "network", "solver", "train"})}));
  const config::Node variable =
      config::map_node({{"type", config::text_node("string")}, {"pattern", config::text_node(R"(\$\{[^}]+\})")}});
  schema.add("$defs",
             config::map_node({{"variable", variable}, {"quantizers", or_variable(config::schema_of_quants())}}));
  config::Node root = config::map_node({{"$schema", config::text_node("https://json-schema.org/draft/2020-12/schema")},
                                        {"title", config::text_node("qrun configuration")}});
  for (config::Entry& entry : schema.entries) root.entries.push_back(std::move(entry));
  return config::to_json(root).dump(2) + "\n";
}

}  // namespace qrun
