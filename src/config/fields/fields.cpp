#include "config/fields/fields.h"

#include <algorithm>

#include "config/yaml/names.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

Field plain_field(const char* name, const char* about) {
  Field field;
  field.name = name;
  field.about = about;
  return field;
}

template <class Int>
Field integer_field(const char* name, const char* about, Int& target, IntRange range) {
  Field field = plain_field(name, about);
  field.read = [&target, range](const Value& value) {
    if (const auto read = read_integer(value, range)) target = static_cast<Int>(*read);
  };
  field.write = [&target] { return plain_node(std::to_string(target)); };
  field.schema = [range] { return schema_of_integer(range); };
  return field;
}

std::vector<std::string> names_of(const Fields& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) {
    const bool refused = field.refusal && !field.refusal().empty();
    const bool unused = field.unused && field.unused();
    if (!refused && !unused) names.push_back(field.name);
  }
  return names;
}

/// True where the field has to be given.
bool is_wanted(const Field& field) { return field.required && field.required() && !(field.unused && field.unused()); }

bool is_known(const Fields& fields, const std::string& key) {
  return std::ranges::find(fields, key, &Field::name) != fields.end();
}

/// True where an unknown key of the map reads like `field`: that mistake is reported there, and once is enough.
bool is_misspelt(const Node& map, const Fields& fields, const Field& field) {
  const std::vector<std::string> names = names_of(fields);
  return std::ranges::any_of(map.entries, [&](const Entry& entry) {
    return !is_known(fields, entry.key) && suggest(entry.key, names) == "did you mean " + field.name + "?";
  });
}

void read_field(const Value& map, const Fields& fields, const Field& field) {
  const Node* found = map.node.find(field.name);
  const std::string address = key_address(map.address, field.name);
  if (field.unused && field.unused()) {
    if (found != nullptr && !found->is_null()) field.read({*found, address, map.problems});
    return;
  }
  const bool is_given = found != nullptr && !(found->is_null() && field.nullable);
  const std::string refusal = field.refusal ? field.refusal() : "";
  if (!is_given || (found->is_null() && !refusal.empty())) {
    const bool wanted = refusal.empty() && field.required && field.required();
    if (found == nullptr && wanted && !is_misspelt(map.node, fields, field)) {
      map.problems.add(map.node, address, std::string("is missing; ").append(field.about));
    }
  } else if (!refusal.empty()) {
    map.problems.add(*found, address, refusal);
  } else {
    field.read({*found, address, map.problems});
  }
}

}  // namespace

Field required(Field field) {
  return required_if([] { return true; }, std::move(field));
}

Field required_if(std::function<bool()> condition, Field field) {
  field.required = std::move(condition);
  return field;
}

Field refused_if(std::function<std::string()> refusal, Field field) {
  field.refusal = std::move(refusal);
  return field;
}

Field unused_if(std::function<bool()> condition, Field field) {
  field.unused = std::move(condition);
  return field;
}

Field positioned(Field field, Position& position) {
  field.read = [read = std::move(field.read), &position](const Value& value) {
    position = value.node.at;
    read(value);
  };
  return field;
}

Field integer(const char* name, const char* about, std::int64_t& target, IntRange range) {
  return integer_field(name, about, target, range);
}

Field integer(const char* name, const char* about, std::uint64_t& target, IntRange range) {
  return integer_field(name, about, target, range);
}

Field integer(const char* name, const char* about, std::optional<std::int64_t>& target, IntRange range) {
  Field field = plain_field(name, about);
  field.nullable = true;
  field.read = [&target, range](const Value& value) {
    if (const auto read = read_integer(value, range)) target = static_cast<std::int64_t>(*read);
  };
  field.write = [&target] { return target ? plain_node(std::to_string(*target)) : Node{}; };
  field.schema = [range] { return schema_of_integer(range); };
  return field;
}

Field integer_or_null(const char* name, const char* about, std::int64_t& target, IntRange range) {
  Field field = integer_field(name, about, target, range);
  field.nullable = true;
  field.write = [&target] { return target != 0 ? plain_node(std::to_string(target)) : Node{}; };
  return field;
}

Field number(const char* name, const char* about, double& target, NumberRange range) {
  Field field = plain_field(name, about);
  field.read = [&target, range](const Value& value) {
    if (const auto read = read_number(value, range)) target = *read;
  };
  field.write = [&target] { return plain_node(format_number(target)); };
  field.schema = [range] { return schema_of_number(range); };
  return field;
}

Field boolean(const char* name, const char* about, bool& target) {
  Field field = plain_field(name, about);
  field.read = [&target](const Value& value) {
    if (const auto read = read_boolean(value)) target = *read;
  };
  field.write = [&target] { return plain_node(target ? "true" : "false"); };
  field.schema = [] { return map_node({{"type", text_node("boolean")}}); };
  return field;
}

Field text(const char* name, const char* about, std::string& target) {
  Field field = plain_field(name, about);
  field.read = [&target](const Value& value) {
    if (const auto read = read_text(value)) target = *read;
  };
  field.write = [&target] { return text_node(target); };
  field.schema = [] { return map_node({{"type", list_node({text_node("string"), text_node("number")})}}); };
  return field;
}

Field text_or_null(const char* name, const char* about, std::string& target) {
  Field field = text(name, about, target);
  field.nullable = true;
  field.write = [&target] { return target.empty() ? Node{} : text_node(target); };
  return field;
}

Field choice(const char* name, const char* about, const Names& names, std::function<std::size_t()> get,
             std::function<void(std::size_t)> set) {
  Field field = plain_field(name, about);
  field.read = [&names, set = std::move(set)](const Value& value) {
    if (const auto index = read_choice(value, names)) set(*index);
  };
  field.write = [&names, get = std::move(get)] { return text_node(names[get()]); };
  field.schema = [&names] { return schema_of_choice(names); };
  return field;
}

Field deciding(Field field, const Names& names, std::shared_ptr<bool> known) {
  field.read = [read = std::move(field.read), &names, known = std::move(known)](const Value& value) {
    *known = value.node.is_scalar() && std::ranges::find(names, value.node.scalar) != names.end();
    read(value);
  };
  return field;
}

Field section(const char* name, const char* about, Fields fields) {
  Field field = plain_field(name, about);
  const auto shared = std::make_shared<const Fields>(std::move(fields));  // sections nest: copies would multiply
  field.read = [shared](const Value& value) { read_fields(value, *shared); };
  field.write = [shared] { return write_fields(*shared); };
  field.schema = [shared] {
    const bool can_be_empty = std::ranges::none_of(*shared, is_wanted);
    return can_be_empty ? or_null(schema_of(*shared)) : schema_of(*shared);
  };
  return field;
}

void read_fields(const Value& value, const Fields& fields) {
  if (!value.node.is_map() && !value.node.is_null()) return value.fail_kind("a map of keys and values is wanted");
  for (const Field& field : fields) read_field(value, fields, field);
  for (const Entry& entry : value.node.entries) {
    if (is_known(fields, entry.key)) continue;
    const std::string address = key_address(value.address, entry.key);
    value.problems.add(entry.key_at, address, "unknown key; " + suggest(entry.key, names_of(fields)));
  }
}

Node write_fields(const Fields& fields) {
  Node map = map_node({});
  map.entries.reserve(fields.size());
  for (const Field& field : fields) {
    if (!field.write || (field.refusal && !field.refusal().empty()) || (field.unused && field.unused())) continue;
    map.add(field.name, field.write());
  }
  return map;
}

}  // namespace qrun::config
