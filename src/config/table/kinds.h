// How a value of each C++ type is read, written and described; its row says in which range, or under which names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "config/table/row.h"
#include "config/table/schema.h"
#include "core/shape.h"

namespace qrun::config {

/// A type that a field may have: a specialization of this.
template <class T>
struct Kind;

template <>
struct Kind<std::int64_t> {
  static constexpr bool kIsNullable = false;  // a row that is stands for null by 0
  static void read(const Row& row, const Value& value, std::int64_t& target);
  static void write(const Row& row, std::int64_t value, Sink& sink);
  static Node schema(const Row& row) { return schema_of_integer(row.integers); }
};

template <>
struct Kind<std::uint64_t> {
  static constexpr bool kIsNullable = false;
  static void read(const Row& row, const Value& value, std::uint64_t& target);
  static void write(const Row& /*row*/, std::uint64_t value, Sink& sink) { sink.integer(value); }
  static Node schema(const Row& row) { return schema_of_integer(row.integers); }
};

template <>
struct Kind<std::optional<std::int64_t>> {
  static constexpr bool kIsNullable = true;
  static void read(const Row& row, const Value& value, std::optional<std::int64_t>& target);
  static void write(const Row& row, const std::optional<std::int64_t>& value, Sink& sink);
  static Node schema(const Row& row) { return schema_of_integer(row.integers); }
};

/// A number for both sides, or `[h, w]`; equal ones are written as the number.
template <>
struct Kind<Sides> {
  static constexpr bool kIsNullable = false;
  static void read(const Row& row, const Value& value, Sides& target);
  static void write(const Row& row, const Sides& value, Sink& sink);
  static Node schema(const Row& row);
};

template <>
struct Kind<double> {
  static constexpr bool kIsNullable = false;  // a row that is stands for null by 0
  static void read(const Row& row, const Value& value, double& target);
  static void write(const Row& row, double value, Sink& sink);
  static Node schema(const Row& row) { return schema_of_number(row.numbers); }
};

template <>
struct Kind<bool> {
  static constexpr bool kIsNullable = false;
  static void read(const Row& row, const Value& value, bool& target);
  static void write(const Row& /*row*/, bool value, Sink& sink) { sink.boolean(value); }
  static Node schema(const Row& row);
};

template <>
struct Kind<std::string> {
  static constexpr bool kIsNullable = false;  // a row that is stands for null by ""
  static void read(const Row& row, const Value& value, std::string& target);
  static void write(const Row& row, const std::string& value, Sink& sink);
  static Node schema(const Row& row);
};

template <class Enum>
requires std::is_enum_v<Enum>
struct Kind<Enum> {
  static constexpr bool kIsNullable = false;
  static void read(const Row& row, const Value& value, Enum& target) {
    if (const auto index = read_choice(value, row.names)) target = static_cast<Enum>(*index);
  }
  static void write(const Row& row, Enum value, Sink& sink) { sink.text(row.names[static_cast<std::size_t>(value)]); }
  static Node schema(const Row& row) { return schema_of_choice(row.names); }
};

}  // namespace qrun::config
