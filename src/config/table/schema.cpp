#include "config/table/schema.h"

#include <algorithm>
#include <cmath>

#include "config/table/row.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

/// True where any text is right, so that nothing is to be said about variables.
bool allows_text(const Node& schema) {
  const auto is_string = [](const Node& type) { return type.scalar == "string"; };
  const Node* type = schema.find("type");
  const Node* choices = schema.find("anyOf");
  return (type != nullptr && (is_string(*type) || std::ranges::any_of(type->items, is_string))) ||
         (choices != nullptr && std::ranges::any_of(choices->items, allows_text));
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

Node schema_of_list(Node items) { return map_node({{"type", text_node("array")}, {"items", std::move(items)}}); }

Node schema_of_choice(std::span<const char* const> names) {
  std::vector<Node> items;
  for (const char* const name : names) items.push_back(text_node(name));
  return map_node({{"enum", list_node(std::move(items))}});
}

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

Node schema_of(Rows rows) {
  Node properties = map_node({});
  for (const Row& row : rows) {
    if (row.schema == nullptr) continue;
    Node schema = row.schema(row);
    if (!row.is_literal && !allows_text(schema)) schema = or_variable(std::move(schema));
    if (row.is_nullable) schema = or_null(std::move(schema));
    if (row.about != nullptr) schema.add("description", text_node(row.about));
    properties.add(row.name, std::move(schema));
  }
  return map_node({{"type", text_node("object")},
                   {"properties", std::move(properties)},
                   {"additionalProperties", plain_node("false")}});
}

Node schema_of_section(Rows rows, const void* object) {
  const bool can_be_empty = std::ranges::none_of(rows, [&](const Row& row) {
    return row.is_required != nullptr && row.is_required(object) &&
           !(row.is_unused != nullptr && row.is_unused(object));
  });
  return can_be_empty ? or_null(schema_of(rows)) : schema_of(rows);
}

}  // namespace qrun::config
