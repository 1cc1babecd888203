// Every case of the table of golden codes, where it lies in $QRUN_GOLDEN or beside the repository.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "store/h5.h"
#include "support.h"

namespace qrun::test {
namespace {

std::optional<std::string> golden_file() {
  const char* named = std::getenv("QRUN_GOLDEN");
  const std::string path = named != nullptr ? named : QRUN_SOURCE_DIR "/../shared/golden/quantizers.h5";
  return named != nullptr || std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

QuantSettings settings_of_case(const h5::Group& attributes) {
  QuantSettings settings = settings_of(attributes.text("method").c_str(), attributes.number<std::int32_t>("bits"),
                                       attributes.number<std::int64_t>("per_channel") != 0);
  if (!attributes.has_attribute("lambda")) return settings;
  const std::string lambda = attributes.text("lambda");
  settings.lambda = lambda == "paper" ? Lambda::kPaper : (lambda == "optimal" ? Lambda::kOptimal : Lambda::kOriginal);
  return settings;
}

/// Within `ulps` steps of float32 at the wanted value.
bool is_near(double got, double want, int ulps) {
  const auto rounded = static_cast<float>(want);
  const float next = std::nextafterf(std::fabs(rounded), std::numeric_limits<float>::infinity());
  return std::fabs(got - want) <= ulps * (static_cast<double>(next) - std::fabs(static_cast<double>(rounded)));
}

/// Compares a parameter of each channel; the table may leave it out.
template <class T>
void expect_params(const h5::Group& c, const char* name, const Encoded& got, T QParams::*member) {
  if (!c.has_attribute(name)) return;
  std::vector<double> want;
  if (c.attribute_kind(name) == h5::Kind::kReal) {
    want = c.numbers<double>(name);
  } else {
    for (const std::int64_t v : c.numbers<std::int64_t>(name)) want.push_back(static_cast<double>(v));
  }
  ASSERT_EQ(got.params.size(), want.size()) << c.path() << " " << name;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const auto value = static_cast<double>(got.params[i].*member);
    if (std::is_integral_v<T>) {
      EXPECT_EQ(value, want[i]) << c.path() << " " << name << " of channel " << i;
    } else {
      EXPECT_TRUE(is_near(value, want[i], 2))
          << c.path() << " " << name << " of channel " << i << ": " << value << ", wanted " << want[i];
    }
  }
}

void check_case(const h5::Group& tensors, const h5::Group& c) {
  const std::string tensor = c.text("tensor");
  const QuantSettings settings = settings_of_case(c);
  ASSERT_NE(settings.method, kNoQuantizer) << c.path();
  const std::vector<float> x = tensors.read<float>(tensor);
  const Encoded got = encode(x, settings, settings.per_channel ? tensors.dims(tensor).at(0) : 1);
  expect_params(c, "scale", got, &QParams::scale);
  expect_params(c, "offset", got, &QParams::offset);
  expect_params(c, "alpha", got, &QParams::alpha);
  expect_params(c, "delta", got, &QParams::delta);
  expect_params(c, "fixedpos", got, &QParams::fixedpos);
  expect_params(c, "alpha_int", got, &QParams::alpha_int);
  const std::vector<std::int32_t> want = c.read<std::int32_t>("codes");
  const std::vector<std::uint8_t> boundary = c.read<std::uint8_t>("boundary");
  ASSERT_EQ(got.codes.size(), want.size()) << c.path();
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_TRUE(boundary[i] != 0 || got.codes[i] == want[i])
        << c.path() << " at " << i << ": " << got.codes[i] << ", wanted " << want[i] << ", x = " << x[i];
  }
}

TEST(Golden, EveryCaseGivesItsCodesAndParameters) {
  const std::optional<std::string> path = golden_file();
  if (!path) GTEST_SKIP() << "no quantizers.h5: set QRUN_GOLDEN to the table of golden codes";
  const h5::File file = h5::File::open(*path);
  const h5::Group cases = file.root().open("cases");
  ASSERT_FALSE(cases.names().empty());
  for (const std::string& name : cases.names()) check_case(file.root().open("tensors"), cases.open(name));
}

}  // namespace
}  // namespace qrun::test
