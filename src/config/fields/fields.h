// One list of fields describes a map of the configuration: its reader, its canonical text and its schema follow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml/node.h"
#include "config/yaml/values.h"

namespace qrun::config {

struct Field {
  std::string name;
  std::string_view about;                  // one phrase for the schema
  std::function<void(const Value&)> read;  // reports to the value's problems and leaves its target alone if wrong
  std::function<Node()> write;             // the current value; empty: not part of the canonical text
  std::function<Node()> schema;            // JSON schema as a tree; empty: not part of the schema
  std::function<bool()> required;          // empty: never
  std::function<std::string()> refusal;    // why the field may not be given here, or ""; empty: it always may
  std::function<bool()> unused;            // read for its mistakes only; empty: never
  bool nullable = false;                   // null is the same as leaving it out
  bool is_literal = false;                 // no ${name} can stand for all of it
};
using Fields = std::vector<Field>;

/// The fields in this order, moved: an initializer list would copy each, for every run of a sweep.
template <class... Some>
[[nodiscard]] Fields list_of(Some&&... fields) {
  Fields list;
  list.reserve(sizeof...(fields));
  (list.push_back(std::forward<Some>(fields)), ...);
  return list;
}

[[nodiscard]] Field required(Field field);
[[nodiscard]] Field required_if(std::function<bool()> condition, Field field);
/// `refusal` is asked after the fields before this one were read.
[[nodiscard]] Field refused_if(std::function<std::string()> refusal, Field field);
/// A field of another choice, left in place so that the choice itself can be swept. Its reader leaves the target alone
/// then.
[[nodiscard]] Field unused_if(std::function<bool()> condition, Field field);

/// Keeps the position of the value, for what is found wrong with it later.
[[nodiscard]] Field positioned(Field field, Position& position);

// Fields of plain values; `target` outlives them and holds the default.
[[nodiscard]] Field integer(const char* name, const char* about, std::int64_t& target, IntRange range);
[[nodiscard]] Field integer(const char* name, const char* about, std::uint64_t& target, IntRange range);
[[nodiscard]] Field integer(const char* name, const char* about, std::optional<std::int64_t>& target, IntRange range);
/// 0 stands for a field that was not given.
[[nodiscard]] Field integer_or_null(const char* name, const char* about, std::int64_t& target, IntRange range);
[[nodiscard]] Field number(const char* name, const char* about, double& target, NumberRange range);
[[nodiscard]] Field boolean(const char* name, const char* about, bool& target);
[[nodiscard]] Field text(const char* name, const char* about, std::string& target);
/// Empty text stands for a field that was not given.
[[nodiscard]] Field text_or_null(const char* name, const char* about, std::string& target);

/// What a field can be called; not copied, so they outlive the field.
using Names = std::vector<std::string>;
[[nodiscard]] Field choice(const char* name, const char* about, const Names& names, std::function<std::size_t()> get,
                           std::function<void(std::size_t)> set);
Field choice(const char*, const char*, Names&&, std::function<std::size_t()>,
             std::function<void(std::size_t)>) = delete;

/// A choice on which other fields depend: `known` becomes false where it can't be read, so that they stay silent.
[[nodiscard]] Field deciding(Field field, const Names& names, std::shared_ptr<bool> known);
Field deciding(Field, Names&&, std::shared_ptr<bool>) = delete;

/// An enum whose values are the indexes of `names`.
template <class Enum>
Field choice(const char*, const char*, Names&&, Enum&) = delete;
template <class Enum>
[[nodiscard]] Field choice(const char* name, const char* about, const Names& names, Enum& target) {
  return choice(
      name, about, names, [&target] { return static_cast<std::size_t>(target); },
      [&target](std::size_t index) { target = static_cast<Enum>(index); });
}

/// A map with fields of its own.
[[nodiscard]] Field section(const char* name, const char* about, Fields fields);

/// Reads a map: every key must be a field's name, a required field must be there. Null reads as an empty map.
void read_fields(const Value& value, const Fields& fields);
[[nodiscard]] Node write_fields(const Fields& fields);

// JSON schema as trees.
[[nodiscard]] Node schema_of(const Fields& fields);
[[nodiscard]] Node schema_of_choice(const std::vector<std::string>& names);
[[nodiscard]] Node schema_of_integer(const IntRange& range);
[[nodiscard]] Node schema_of_number(const NumberRange& range);
[[nodiscard]] Node schema_any_of(std::vector<Node> schemas);
/// What `$defs` holds under the name.
[[nodiscard]] Node schema_ref(const std::string& name);
/// `schema`, or text with a variable in it.
[[nodiscard]] Node or_variable(Node schema);
[[nodiscard]] Node or_null(Node schema);

}  // namespace qrun::config
