// Tables of fields as constants: `fields(integer<&TrainSpec::epochs>("epochs", "how long", Role::kShape, {1, kMany}))`.
// Everything about a field is in its row; what it says of its struct is checked by type here.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>

#include "config/table/kinds.h"
#include "config/table/row.h"

namespace qrun::config {

template <class Member>
struct MemberTypes;
template <class S, class T>
struct MemberTypes<T S::*> {
  using Struct = S;
  using Type = T;
};
template <auto member>
using StructOf = typename MemberTypes<decltype(member)>::Struct;
template <auto member>
using TypeOf = typename MemberTypes<decltype(member)>::Type;

/// A row for the struct S. Each function returns the row with one property more.
template <class S>
struct Field {
  Row row;

  [[nodiscard]] constexpr Field required() const {
    Field field = *this;
    field.row.is_required = [](const void*) { return true; };
    return field;
  }
  template <bool (*condition)(const S&)>
  [[nodiscard]] constexpr Field required_if() const {
    Field field = *this;
    field.row.is_required = [](const void* object) { return condition(of(object)); };
    return field;
  }
  template <bool (*condition)(const S&), std::string (*why)(const S&)>
  [[nodiscard]] constexpr Field refused_if() const {
    Field field = *this;
    field.row.is_refused = [](const void* object) { return condition(of(object)); };
    field.row.refusal = [](const void* object) { return why(of(object)); };
    return field;
  }
  template <bool (*condition)(const S&)>
  [[nodiscard]] constexpr Field unused_if() const {
    Field field = *this;
    field.row.is_unused = [](const void* object) { return condition(of(object)); };
    field.row.read_aside = [](const Row& self, const void* object, const Value& value) {
      S copy = of(object);
      self.read(self, &copy, value);
    };
    return field;
  }
  /// Other fields are unused by what this one says; where it can't be read, nothing is known of them.
  [[nodiscard]] constexpr Field deciding() const {
    Field field = *this;
    field.row.decides = true;
    return field;
  }
  template <Position S::*member>
  [[nodiscard]] constexpr Field positioned() const {
    Field field = *this;
    field.row.position = [](void* object) { return &(of(object).*member); };
    return field;
  }
  template <void (*complete)(S&)>
  [[nodiscard]] constexpr Field completed_by() const {
    Field field = *this;
    field.row.complete = [](void* object) { complete(of(object)); };
    return field;
  }
  /// Marks a field that came after the first release: it is left out of hashed texts while it reads like the default.
  [[nodiscard]] constexpr Field later(const char* text_of_default) const {
    Field field = *this;
    field.row.later_default = text_of_default;
    return field;
  }
  /// The same for a default that is no constant.
  template <bool (*is_default)(const S&)>
  [[nodiscard]] constexpr Field later_unless() const {
    Field field = *this;
    field.row.is_later_default = [](const void* object) { return is_default(of(object)); };
    return field;
  }
  [[nodiscard]] constexpr Field nullable() const {
    Field field = *this;
    field.row.is_nullable = true;
    return field;
  }
  [[nodiscard]] constexpr Field literal() const {
    Field field = *this;
    field.row.is_literal = true;
    return field;
  }

  // What no kind of value does by itself.
  template <void (*read)(S&, const Value&)>
  [[nodiscard]] constexpr Field read_by() const {
    Field field = *this;
    field.row.read = [](const Row&, void* object, const Value& value) { read(of(object), value); };
    return field;
  }
  template <void (*write)(const S&, const Writing&)>
  [[nodiscard]] constexpr Field written_by() const {
    Field field = *this;
    field.row.write = [](const Row&, const void* object, const Writing& to) { write(of(object), to); };
    return field;
  }
  template <Node (*schema)()>
  [[nodiscard]] constexpr Field described_by() const {
    Field field = *this;
    field.row.schema = [](const Row&) { return schema(); };
    return field;
  }
  [[nodiscard]] constexpr Field unwritten() const {
    Field field = *this;
    field.row.write = nullptr;
    return field;
  }

 private:
  static S& of(void* object) { return *static_cast<S*>(object); }
  static const S& of(const void* object) { return *static_cast<const S*>(object); }
};

/// The fields of a struct, in the order of the canonical text.
template <class S, std::size_t kCount>
struct Table {
  std::array<Row, kCount> rows;

  [[nodiscard]] constexpr Roles roles() const {
    unsigned all = 0;
    for (const Row& row : rows) all |= row.roles;
    return static_cast<Roles>(all);
  }
};

template <class S, std::same_as<Field<S>>... More>
[[nodiscard]] constexpr Table<S, 1 + sizeof...(More)> fields(const Field<S>& first, const More&... more) {
  return {{first.row, more.row...}};
}

template <class S, std::size_t kFirst, std::size_t kSecond>
[[nodiscard]] constexpr Table<S, kFirst + kSecond> operator+(const Table<S, kFirst>& a, const Table<S, kSecond>& b) {
  Table<S, kFirst + kSecond> both;
  for (std::size_t i = 0; i < kFirst; ++i) both.rows[i] = a.rows[i];
  for (std::size_t i = 0; i < kSecond; ++i) both.rows[kFirst + i] = b.rows[i];
  return both;
}

template <class S, std::size_t kCount>
void read_fields(const Value& map, const Table<S, kCount>& table, S& object) {
  const Part part{table.rows, &object};
  read_parts(map, {&part, 1});
}
template <class S, std::size_t kCount>
void write_fields(const Table<S, kCount>& table, const S& object, const Writing& to) {
  const ConstPart part{table.rows, &object};
  write_parts({&part, 1}, to);
}

/// A field that does nothing by itself.
template <class S>
[[nodiscard]] constexpr Field<S> field(const char* name, const char* about, Roles roles) {
  Field<S> field;
  field.row.name = name;
  field.row.about = about;
  field.row.roles = roles;
  return field;
}
template <class S>
[[nodiscard]] constexpr Field<S> field(const char* name, const char* about, Role role) {
  return field<S>(name, about, static_cast<Roles>(role));
}

/// A field whose value is the member, read and written as its type says.
template <auto member>
[[nodiscard]] constexpr Field<StructOf<member>> value(const char* name, const char* about, Role role) {
  using S = StructOf<member>;
  using Type = Kind<TypeOf<member>>;
  Field<S> field = config::field<S>(name, about, role);
  field.row.read = [](const Row& row, void* object, const Value& value) {
    Type::read(row, value, static_cast<S*>(object)->*member);
  };
  field.row.write = [](const Row& row, const void* object, const Writing& to) {
    Type::write(row, static_cast<const S*>(object)->*member, to.sink);
  };
  field.row.schema = Type::schema;
  field.row.is_nullable = Type::kIsNullable;
  return field;
}

template <auto member>
[[nodiscard]] constexpr auto integer(const char* name, const char* about, Role role, IntRange range) {
  auto field = value<member>(name, about, role);
  field.row.integers = range;
  return field;
}
/// One for both sides of an image, or one for each.
template <auto member>
[[nodiscard]] constexpr auto sides(const char* name, const char* about, Role role, IntRange range) {
  return integer<member>(name, about, role, range);
}
/// An integer or null: 0 stands for one that is not given.
template <auto member>
[[nodiscard]] constexpr auto integer_or_null(const char* name, const char* about, Role role, IntRange range) {
  return integer<member>(name, about, role, range).nullable();
}
template <auto member>
[[nodiscard]] constexpr auto number(const char* name, const char* about, Role role, NumberRange range) {
  auto field = value<member>(name, about, role);
  field.row.numbers = range;
  return field;
}
/// 0 stands for one that is not given.
template <auto member>
[[nodiscard]] constexpr auto number_or_null(const char* name, const char* about, Role role, NumberRange range) {
  return number<member>(name, about, role, range).nullable();
}
template <auto member>
[[nodiscard]] constexpr auto boolean(const char* name, const char* about, Role role) {
  return value<member>(name, about, role);
}
template <auto member>
[[nodiscard]] constexpr auto text(const char* name, const char* about, Role role) {
  return value<member>(name, about, role);
}
/// A text or null: an empty one stands for one that is not given.
template <auto member>
[[nodiscard]] constexpr auto text_or_null(const char* name, const char* about, Role role) {
  return text<member>(name, about, role).nullable();
}
/// An enumerator, by its name.
template <auto member>
[[nodiscard]] constexpr auto choice(const char* name, const char* about, Role role) {
  auto field = value<member>(name, about, role);
  field.row.names = names_of(TypeOf<member>{});
  return field;
}

/// A map with fields of its own; `table` is a constant.
template <auto member, std::size_t kCount>
[[nodiscard]] constexpr auto section(const char* name, const char* about, const Table<TypeOf<member>, kCount>& table) {
  using S = StructOf<member>;
  Field<S> field = config::field<S>(name, about, table.roles());
  field.row.below = table.rows;
  field.row.read = [](const Row& row, void* object, const Value& value) {
    const Part part{row.below, &(static_cast<S*>(object)->*member)};
    read_parts(value, {&part, 1});
  };
  field.row.write = [](const Row& row, const void* object, const Writing& to) {
    const ConstPart part{row.below, &(static_cast<const S*>(object)->*member)};
    write_parts({&part, 1}, to);
  };
  field.row.schema = [](const Row& row) {
    const TypeOf<member> unread{};
    return schema_of_section(row.below, &unread);
  };
  return field;
}

}  // namespace qrun::config
