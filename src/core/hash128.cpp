#include "core/hash128.h"

// The header-only form: nothing to link.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <bit>

namespace qrun {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they lie in memory");

struct Hash128::State {
  XXH3_state_t xxh;
};

Hash128::Hash128() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Hash128::~Hash128() = default;

void Hash128::add(std::uint64_t number) { XXH3_128bits_update(&state_->xxh, &number, sizeof number); }

void Hash128::add(std::span<const std::byte> part) {
  add(std::uint64_t{part.size()});
  XXH3_128bits_update(&state_->xxh, part.data(), part.size());
}

std::string Hash128::text() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace qrun
