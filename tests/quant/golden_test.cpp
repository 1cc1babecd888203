// Codes, scales and offsets against tables computed elsewhere in double precision: the small one of this repository,
// and the large one of a data folder beside the checkout ($QRUN_GOLDEN, or ../shared/golden/quantizers.h5) where it is
// there.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "quant/measure.h"

namespace qrun {
namespace {

struct Case {
  std::string name;
  QuantSettings settings;
  std::int64_t channels = 1;
  std::vector<float> x;
  std::vector<std::int32_t> codes;
  std::vector<int> boundary;
  std::vector<double> scale, offset;
};

/// Within two units in the last place of the rounded double.
bool close(float got, double want) {
  const auto rounded = static_cast<float>(want);
  const float unit = std::nextafter(std::fabs(rounded), std::numeric_limits<float>::infinity()) - std::fabs(rounded);
  return std::fabs(got - rounded) <= 2 * unit;
}

void expect_case(const Case& c) {
  const Encoded got = encode(c.x, c.settings, c.channels);
  ASSERT_EQ(got.codes.size(), c.codes.size()) << c.name;
  for (std::size_t i = 0; i < c.codes.size(); ++i) {
    if (c.boundary[i] == 0) {
      ASSERT_EQ(got.codes[i], c.codes[i]) << c.name << " at " << i << ", x = " << c.x[i];
    } else {
      ASSERT_LE(std::abs(got.codes[i] - c.codes[i]), 1) << c.name << " at " << i;
    }
  }
  for (std::size_t i = 0; i < got.params.size(); ++i) {
    EXPECT_TRUE(close(got.params[i].scale, c.scale[i]))
        << c.name << " scale " << got.params[i].scale << " for " << c.scale[i];
    EXPECT_TRUE(close(got.params[i].offset, c.offset[i]))
        << c.name << " offset " << got.params[i].offset << " for " << c.offset[i];
  }
}

template <class T, class Convert>
std::vector<T> split(const std::string& text, const Convert& convert) {
  std::istringstream stream(text);
  std::vector<T> values;
  for (std::string word; stream >> word;) values.push_back(static_cast<T>(convert(word)));
  return values;
}

Lambda lambda_of(const std::string& name) {
  return name == "paper" ? Lambda::kPaper : (name == "optimal" ? Lambda::kOptimal : Lambda::kOriginal);
}

TEST(Golden, CodesOfTheSmallTable) {
  std::ifstream file(std::string(QRUN_SOURCE_DIR) + "/tests/golden/quantizers.csv");
  std::string line;
  std::getline(file, line);
  int cases = 0;
  const auto integer = [](const std::string& word) { return std::stoi(word); };
  const auto real = [](const std::string& word) { return std::strtod(word.c_str(), nullptr); };
  for (; std::getline(file, line); ++cases) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ';');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 10U) << line;
    Case c;
    c.name = fields[0] + " " + fields[1] + " " + fields[2] + " " + fields[4];
    c.settings = {
        .method = AllQuantizers::find(fields[0]), .bits = std::stoi(fields[1]), .lambda = lambda_of(fields[2])};
    c.channels = fields[3] == "1" ? std::stoi(fields[4]) : 1;
    c.x = split<float>(fields[5], real);
    c.codes = split<std::int32_t>(fields[6], integer);
    c.boundary = split<int>(fields[7], integer);
    c.scale = split<double>(fields[8], real);
    c.offset = split<double>(fields[9], real);
    expect_case(c);
  }
  EXPECT_EQ(cases, 198);
}

/// The few calls this test needs of HDF5.
template <class T>
std::vector<T> read_set(hid_t file, const std::string& path, hid_t type, std::vector<hsize_t>* shape = nullptr) {
  const hid_t set = H5Dopen2(file, path.c_str(), H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  std::vector<hsize_t> dims(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Sclose(space);
  H5Dclose(set);
  if (shape != nullptr) *shape = dims;
  return values;
}
std::vector<double> read_numbers(hid_t group, const char* name) {
  const hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
  const hid_t space = H5Aget_space(attribute);
  std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data());
  H5Sclose(space);
  H5Aclose(attribute);
  return values;
}
std::string read_text(hid_t group, const char* name) {
  if (H5Aexists(group, name) <= 0) return "original";
  const hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute);
  char* text = nullptr;
  H5Aread(attribute, type, static_cast<void*>(&text));
  std::string result = text;
  H5free_memory(text);
  H5Tclose(type);
  H5Aclose(attribute);
  return result;
}

TEST(Golden, CodesOfTheLargeTable) {
  const char* wish = std::getenv("QRUN_GOLDEN");
  const std::string path = wish != nullptr ? wish : std::string(QRUN_SOURCE_DIR) + "/../shared/golden/quantizers.h5";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no quantizers.h5 in $QRUN_GOLDEN or beside the checkout";
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0) << path;
  std::vector<std::string> names;
  const hid_t cases = H5Gopen2(file, "/cases", H5P_DEFAULT);
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  H5Literate(cases, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names);
  for (const std::string& name : names) {
    const hid_t group = H5Gopen2(cases, name.c_str(), H5P_DEFAULT);
    Case c;
    c.name = name;
    c.settings = {.method = AllQuantizers::find(read_text(group, "method")),
                  .bits = 2,
                  .lambda = lambda_of(read_text(group, "lambda"))};
    if (H5Aexists(group, "bits") > 0) c.settings.bits = static_cast<int>(read_numbers(group, "bits")[0]);
    std::vector<hsize_t> shape;
    c.x = read_set<float>(file, "/tensors/" + read_text(group, "tensor"), H5T_NATIVE_FLOAT, &shape);
    c.channels = read_numbers(group, "per_channel")[0] != 0 ? static_cast<std::int64_t>(shape[0]) : 1;
    c.codes = read_set<std::int32_t>(group, "codes", H5T_NATIVE_INT32);
    c.boundary = read_set<int>(group, "boundary", H5T_NATIVE_INT);
    c.scale = read_numbers(group, "scale");
    c.offset = read_numbers(group, "offset");
    expect_case(c);
    H5Gclose(group);
  }
  H5Gclose(cases);
  H5Fclose(file);
  EXPECT_GE(names.size(), 400U);
}

}  // namespace
}  // namespace qrun
