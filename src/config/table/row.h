// One row describes one key of a map of the configuration. From the tables of rows follow the reader with its messages,
// the canonical text, what an id hashes, what the runs of a pack share, which keys are no axes, and the schema.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "config/yaml/node.h"
#include "config/yaml/sink.h"
#include "config/yaml/values.h"

namespace qrun::config {

/// What a key is for. A set of them is an or of their bits: that of a section holds those of the keys in it.
enum class Role : std::uint8_t {
  kShape = 1,   // of what a run computes, alike in all runs of a pack
  kNumber = 2,  // of what a run computes, its own in a pack
  kSweep = 4,   // of how a whole sweep is computed: no axis, outside of ids, alike in all runs of a pack
  kOutput = 8,  // of where the results of a whole sweep go: no axis, outside of ids
};
using Roles = std::uint8_t;

[[nodiscard]] constexpr Roles operator|(Role a, Role b) {
  return static_cast<Roles>(static_cast<Roles>(a) | static_cast<Roles>(b));
}
[[nodiscard]] constexpr bool holds(Roles roles, Role role) { return (roles & static_cast<Roles>(role)) != 0; }

inline constexpr Roles kDefining = Role::kShape | Role::kNumber;      // what an id is made of, and an axis may set
inline constexpr Roles kOfWholeSweep = Role::kSweep | Role::kOutput;  // what may not
inline constexpr Roles kOfPack = Role::kShape | Role::kSweep;         // what the runs of a pack agree in
inline constexpr Roles kEverything = kDefining | kOfWholeSweep;

/// What is written of a struct, and into what.
struct Writing {
  Sink& sink;
  Roles roles = kEverything;
  bool skips_later = false;  // keys that came later, while they have their default
};

struct Row;
using Rows = std::span<const Row>;

/// Objects come as pointers to the struct that the table of the row is of; Field, in field.h, sees to that.
struct Row {
  const char* name = nullptr;
  const char* about = nullptr;  // one phrase for the schema
  Roles roles = 0;
  void (*read)(const Row&, void*, const Value&) = nullptr;  // reports what is wrong, and leaves its target alone then
  void (*write)(const Row&, const void*, const Writing&) = nullptr;  // none: no part of the canonical text
  Node (*schema)(const Row&) = nullptr;                              // none: no part of the schema

  // Of the kind of the value.
  IntRange integers;
  NumberRange numbers;
  std::span<const char* const> names;  // of a choice
  Rows below;                          // of a section

  // Conditions, which depend on the rows before.
  bool (*is_required)(const void*) = nullptr;
  bool (*is_refused)(const void*) = nullptr;
  std::string (*refusal)(const void*) = nullptr;  // why it is
  /// True for a key of another choice, left in place so that the choice itself can be swept.
  bool (*is_unused)(const void*) = nullptr;
  void (*read_aside)(const Row&, const void*, const Value&) = nullptr;  // reads an unused one for its mistakes

  Position* (*position)(void*) = nullptr;  // keeps where the value stands
  void (*complete)(void*) = nullptr;       // gives a key that is left out the value that others imply
  // Of a key that came after the first release: the text, or the condition, of its default. See defining_text().
  const char* later_default = nullptr;
  bool (*is_later_default)(const void*) = nullptr;
  bool decides = false;      // a choice that says which rows are unused
  bool is_nullable = false;  // null is the same as leaving it out
  bool is_literal = false;   // no ${name} can stand for all of it
};

/// Rows of a struct, and the struct. The keys of a map may be those of several.
struct Part {
  Rows rows;
  void* object;
};
struct ConstPart {
  Rows rows;
  const void* object;
};

/// Reads a map: every key must be a row's name, a required one must be there. Null reads as an empty map.
void read_parts(const Value& map, std::span<const Part> parts);
/// Writes a map.
void write_parts(std::span<const ConstPart> parts, const Writing& to);
/// Writes keys into the map that is open.
void write_rows(Rows rows, const void* object, const Writing& to);

/// Reads one key of a map by itself. It is missing where it is not there, whatever its row says.
void read_required(const Value& map, const Row& row, void* object);

/// JSON schema of a map, as a tree.
[[nodiscard]] Node schema_of(Rows rows);
/// Returns the JSON schema of a map that may be null where no key of an `object` that was not read is required.
[[nodiscard]] Node schema_of_section(Rows rows, const void* object);

}  // namespace qrun::config
