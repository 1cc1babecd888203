// XXH3-128 of parts that come one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace qrun {

class Hash128 {
 public:
  Hash128();
  ~Hash128();
  Hash128(const Hash128&) = delete;
  Hash128& operator=(const Hash128&) = delete;

  /// Takes the number of bytes, as 64 bits in little endian, and the bytes: parts are not equal to their sum.
  void add(std::span<const std::byte> part);
  void add(std::uint64_t number);

  /// 32 hex digits, as `xxh128sum` prints them.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qrun
