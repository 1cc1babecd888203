#include "config/table/kinds.h"

namespace qrun::config {

void Kind<std::int64_t>::read(const Row& row, const Value& value, std::int64_t& target) {
  if (const auto read = read_integer(value, row.integers)) target = static_cast<std::int64_t>(*read);
}

void Kind<std::int64_t>::write(const Row& row, std::int64_t value, Sink& sink) {
  if (row.is_nullable && value == 0) return sink.null();
  sink.integer(value);
}

void Kind<std::uint64_t>::read(const Row& row, const Value& value, std::uint64_t& target) {
  if (const auto read = read_integer(value, row.integers)) target = *read;
}

void Kind<std::optional<std::int64_t>>::read(const Row& row, const Value& value, std::optional<std::int64_t>& target) {
  if (const auto read = read_integer(value, row.integers)) target = static_cast<std::int64_t>(*read);
}

void Kind<std::optional<std::int64_t>>::write(const Row& /*row*/, const std::optional<std::int64_t>& value,
                                              Sink& sink) {
  if (!value) return sink.null();
  sink.integer(*value);
}

void Kind<Sides>::read(const Row& row, const Value& value, Sides& target) {
  if (value.node.is_map()) return value.fail_kind("an integer is wanted, or [h, w]");
  const bool is_list = value.node.is_list();
  if (is_list && value.node.items.size() != 2) {
    return value.fail("has " + std::to_string(value.node.items.size()) +
                      (value.node.items.size() == 1 ? " value" : " values") + "; give one integer, or [h, w]");
  }
  const auto h = read_integer(is_list ? value.item(0) : value, row.integers);
  const auto w = is_list ? read_integer(value.item(1), row.integers) : h;
  if (h && w) target = {static_cast<std::int64_t>(*h), static_cast<std::int64_t>(*w)};
}

void Kind<Sides>::write(const Row& /*row*/, const Sides& value, Sink& sink) {
  if (value.is_square()) return sink.integer(value.h);
  sink.open(Sink::Collection::kList);
  sink.integer(value.h);
  sink.integer(value.w);
  sink.close();
}

Node Kind<Sides>::schema(const Row& row) {
  Node pair = schema_of_list(or_variable(schema_of_integer(row.integers)));
  pair.add("minItems", plain_node("2"));
  pair.add("maxItems", plain_node("2"));
  return schema_any_of({schema_of_integer(row.integers), std::move(pair)});
}

void Kind<double>::read(const Row& row, const Value& value, double& target) {
  if (const auto read = read_number(value, row.numbers)) target = *read;
}

void Kind<bool>::read(const Row& /*row*/, const Value& value, bool& target) {
  if (const auto read = read_boolean(value)) target = *read;
}

void Kind<double>::write(const Row& row, double value, Sink& sink) {
  if (row.is_nullable && value == 0) return sink.null();
  sink.number(value);
}

Node Kind<bool>::schema(const Row& /*row*/) { return map_node({{"type", text_node("boolean")}}); }

void Kind<std::string>::read(const Row& /*row*/, const Value& value, std::string& target) {
  if (auto read = read_text(value)) target = std::move(*read);
}

void Kind<std::string>::write(const Row& row, const std::string& value, Sink& sink) {
  if (row.is_nullable && value.empty()) return sink.null();
  sink.text(value);
}

Node Kind<std::string>::schema(const Row& /*row*/) {
  return map_node({{"type", list_node({text_node("string"), text_node("number")})}});
}

}  // namespace qrun::config
