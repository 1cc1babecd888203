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
