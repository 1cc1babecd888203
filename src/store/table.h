// Tables over the members of a struct. A row is a constant that names a member; what writes, reads, sums up or prints
// the struct walks over its table, so that a member more is a row more.
#pragma once

#include <cstddef>
#include <tuple>

namespace qrun {

/// Calls `f(row)` for each row of a tuple of rows, in its order.
template <class Table, class F>
constexpr void for_each_row(const Table& table, const F& f) {
  std::apply([&](const auto&... row) { (f(row), ...); }, table);
}

template <class Struct, class T>
[[nodiscard]] constexpr std::size_t bytes_of(T Struct::* /*member*/) {
  return sizeof(T);
}

/// Bytes of all members in a table: the size of the struct, less its padding and what the table forgets.
template <class... Rows>
[[nodiscard]] constexpr std::size_t bytes_of(const std::tuple<Rows...>& table) {
  return std::apply([](const auto&... row) { return (bytes_of(row.member) + ...); }, table);
}

}  // namespace qrun
