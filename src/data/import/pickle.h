// Reads what Python's pickle module wrote, protocols 2 to 5, without running any of it: calls stay calls.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace qrun {

/// A value of a pickle; those below it belong to the same Pickle.
struct PickleValue {
  enum class Kind : std::uint8_t {
    kNone,
    kNumber,    // integers and booleans
    kText,      // str, and Python 2's, which may be bytes
    kBytes,     // bytes, bytearray
    kSequence,  // list, tuple
    kMap,       // key, value, key, value ...
    kName,      // `module.name` of a class or function, in `text`
    kCall,      // items: what is called, its arguments, and its state if it has one
    kMark,      // of the reader's own
  };
  Kind kind = Kind::kNone;
  std::int64_t number = 0;
  std::string text;
  std::vector<const PickleValue*> items;
};

class Pickle {
 public:
  /// Throws Error, a phrase that says what is wrong: cut, or with an opcode that dictionaries of arrays, numbers and
  /// texts don't have.
  explicit Pickle(std::span<const std::uint8_t> bytes);

  [[nodiscard]] const PickleValue& value() const { return *value_; }

 private:
  friend class PickleReader;
  std::deque<PickleValue> all_;  // owned here, so that values may refer to each other in any way
  const PickleValue* value_ = nullptr;
};

}  // namespace qrun
