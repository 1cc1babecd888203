#include "core/text.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace qrun {
namespace {

TEST(Messages, AreOneLineOfSensibleLength) {
  EXPECT_EQ(legible("con\nq\t\x1b[31m", 100), "con\\nq\\t\\x1b[31m");
  EXPECT_EQ(legible(std::string(1000, 'x'), 10), "xxxxx ... xxxxx");
  EXPECT_EQ(legible("\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\u00fc", 6), "\u00e4 ... \u00f6\u00fc")
      << "whole characters are left";
  EXPECT_EQ(legible("caf\xe9", 100), "caf\\xe9") << "not UTF-8";
  const ConfigError error({"a.yaml", 1, 2}, "k\n", "bad\nvalue");
  EXPECT_STREQ(error.what(), "a.yaml:1:2: k\\n: bad\\nvalue");
}

TEST(Messages, KnowTheLengthOfCharacters) {
  EXPECT_EQ(character_length("a"), 1U);
  EXPECT_EQ(character_length("\u00e4"), 2U);
  EXPECT_EQ(character_length("\u20ac"), 3U);
  EXPECT_EQ(character_length("\U0001f600"), 4U);
  for (const std::string none : {"", "\x80", "\xc0\xaf", "\xe2\x82", "\xf5\x80\x80\x80"})
    EXPECT_EQ(character_length(none), 0U);
}

}  // namespace
}  // namespace qrun
