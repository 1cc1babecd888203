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

TEST(Messages, ShowWhatIsInvisible) {
  EXPECT_EQ(legible("lr\u00a0: 1", 100), "lr<U+00A0>: 1");
  EXPECT_EQ(legible("a\u200bb\ufeffc\u2003d\u3000e\u00adf", 100), "a<U+200B>b<U+FEFF>c<U+2003>d<U+3000>e<U+00AD>f");
  EXPECT_EQ(legible("\u0085\u2028\u202e\u2800\u3164\ufe0f\U000e0020", 100),
            "<U+0085><U+2028><U+202E><U+2800><U+3164><U+FE0F><U+E0020>");
  EXPECT_EQ(legible("\u00a1 \u00e4\u4e2d\U0001f600", 100), "\u00a1 \u00e4\u4e2d\U0001f600");
  EXPECT_EQ(find_invisible("caf\xe9 \u00a0"), 5U);
  EXPECT_EQ(find_invisible("a b"), std::string::npos);
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
