// XXH3-128 of parts: known values of `xxh128sum`, and parts that are kept apart.
#include "core/hash128.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace qrun {
namespace {

std::string hash_of(const std::vector<std::string_view>& parts) {
  Hash128 hash;
  for (const std::string_view part : parts) hash.add(std::as_bytes(std::span(part)));
  return hash.text();
}

TEST(Hash128, IsThatOfXxh128sum) {
  EXPECT_EQ(Hash128().text(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_of({"abc"}), "45bcdc88efffd44520b986a5e7fe1438") << "printf '\\3\\0\\0\\0\\0\\0\\0\\0abc' | xxh128sum";
}

TEST(Hash128, KeepsPartsApart) {
  EXPECT_NE(hash_of({"ab", "c"}), hash_of({"abc"}));
  EXPECT_NE(hash_of({"ab", "c"}), hash_of({"a", "bc"}));
  EXPECT_NE(hash_of({"a", ""}), hash_of({"a"}));
  EXPECT_EQ(hash_of({"ab", "c"}), hash_of({"ab", "c"}));
}

}  // namespace
}  // namespace qrun
