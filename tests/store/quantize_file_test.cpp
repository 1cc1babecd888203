#include "store/quantize_file.h"

#include <limits>

#include "core/atomic_file.h"
#include "store/blob_io.h"
#include "store/h5.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class QuantizeFileTest : public FolderTest {
 protected:
  template <class F>
  void make(const F& fill) const {
    h5::File file = h5::File::create(in_);
    fill(file.root());
    write_atomically(in_, std::move(file).image());
  }
  std::vector<QuantizedSet> quantize(const QuantSettings& settings) {
    auto [sets, left_out] = quantize_file(in_, out_, settings);
    left_out_ = std::move(left_out);
    return std::move(sets);
  }
  /// What the file of codes says of one data set.
  [[nodiscard]] StoredBlob stored(const h5::Group& group) const {
    StoredBlob blob{.address = {}, .dims = group.dims("codes"), .quant = {}, .quantized = {}, .master = {}};
    read_codes(group, blob.quant, blob.quantized);
    return blob;
  }

  const std::string in_ = path("in.h5");
  const std::string out_ = path("out.h5");
  std::vector<std::string> left_out_;
};

void add_attribute(const h5::Group& object, const char* name, hid_t type, H5S_class_t space) {
  const h5::Handle shape(H5Screate(space), H5Sclose);
  H5Aclose(H5Acreate2(object.id(), name, type, shape.get(), H5P_DEFAULT, H5P_DEFAULT));
}

TEST_F(QuantizeFileTest, TurnsEveryFloatDataSetIntoCodes) {
  const std::vector<float> x = normal_values(60, 1);
  const std::vector<double> y(x.begin(), x.end());
  make([&](const h5::Group& root) {
    root.create("a").create("b").write("weight", x, {3, 4, 5});
    root.write("double", y, {60});
  });
  const QuantSettings settings = settings_of("ulq", 2);
  const std::vector<QuantizedSet> sets = quantize(settings);
  ASSERT_EQ(sets.size(), 2);
  EXPECT_EQ(sets[0].path, "/a/b/weight");
  EXPECT_EQ(sets[0].values, 60);
  EXPECT_EQ(sets[1].path, "/double");
  const h5::File file = h5::File::open(out_);
  const StoredBlob blob = stored(file.root().open("a").open("b").open("weight"));
  const Encoded want = encode(x, settings, 1);
  EXPECT_EQ(blob.dims, (h5::Dims{3, 4, 5}));
  EXPECT_EQ(blob.quant, settings);
  EXPECT_EQ(blob.quantized.codes, want.codes);
  EXPECT_EQ(blob.quantized.params.at(0).scale, want.params[0].scale);
  EXPECT_EQ(stored(file.root().open("double")).quantized.codes, want.codes);
}

TEST_F(QuantizeFileTest, ReportsTheErrorOfTheDecodedValues) {
  make([&](const h5::Group& root) { root.write("x", std::vector<float>{-3, -1, 0, 3}, {4}); });
  QuantSettings settings = settings_of("clip", 2);  // codes -1, 0, 1 at scale 3
  EXPECT_EQ(quantize(settings).at(0).mean_squared_error, 0.25) << "only -1 becomes another value, 0";
}

TEST_F(QuantizeFileTest, QuantizesEachChannel) {
  const std::vector<float> x = normal_values(60, 1);
  make([&](const h5::Group& root) {
    root.write("x", x, {3, 20});
    root.write("scalar", std::vector<float>{0.5F}, {});
  });
  const QuantSettings settings = settings_of("clip", 4, true);
  (void)quantize(settings);
  const h5::File file = h5::File::open(out_);
  const StoredBlob blob = stored(file.root().open("x"));
  EXPECT_EQ(blob.quantized.codes, encode(x, settings, 3).codes);
  EXPECT_EQ(blob.quantized.params.size(), 3);
  EXPECT_FALSE(stored(file.root().open("scalar")).quant.per_channel) << "a single value has no channels";
}

TEST_F(QuantizeFileTest, TakesEmptyDataSets) {
  make([&](const h5::Group& root) { root.write("x", std::vector<float>{}, {0, 3}); });
  for (const QuantInfo& info : AllQuantizers::kInfos) {
    const std::vector<QuantizedSet> sets = quantize(settings_of(info.name, 2, true));
    ASSERT_EQ(sets.size(), 1) << info.name;
    EXPECT_EQ(sets[0].values, 0) << info.name;
  }
}

TEST_F(QuantizeFileTest, CopiesOtherDataSets) {
  make([&](const h5::Group& root) { root.create("a").write("labels", std::vector<std::int32_t>{3, 1, 2}, {3}); });
  EXPECT_TRUE(quantize(settings_of("clip", 4)).empty());
  const h5::File file = h5::File::open(out_);
  EXPECT_THAT(file.root().open("a").read<std::int32_t>("labels"), ElementsAre(3, 1, 2));
}

TEST_F(QuantizeFileTest, CopiesWhatWasMeasuredOrLearned) {
  const std::vector<float> x = normal_values(6, 1);
  make([&](const h5::Group& root) {
    root.create("statistics").create("conv1").write("mean", x, {6});
    root.create("metrics").create("train").write("loss", std::vector<double>{1e300, 0.5}, {2});
    const h5::Group conv1 = root.create("weights").create("conv1");
    conv1.create("learned").write("scale", x, {6});
    conv1.object("learned").attribute("method", "lsq");
    conv1.create("metrics").write("weight", x, {6});  // a layer may be called so
    root.create("not").create("statistics").write("weight", x, {6});
  });
  const std::vector<QuantizedSet> sets = quantize(settings_of("clip", 4));
  ASSERT_EQ(sets.size(), 2);
  EXPECT_EQ(sets[0].path, "/weights/conv1/metrics/weight");
  EXPECT_EQ(sets[1].path, "/not/statistics/weight");
  const h5::File file = h5::File::open(out_);
  EXPECT_EQ(file.root().open("statistics").open("conv1").read<float>("mean"), x);
  EXPECT_THAT(file.root().open("metrics").open("train").read<double>("loss"), ElementsAre(1e300, 0.5));
  const h5::Group learned = file.root().open("weights").open("conv1").open("learned");
  EXPECT_EQ(learned.read<float>("scale"), x);
  EXPECT_EQ(learned.text("method"), "lsq") << "attributes go with what is copied";
}

// HDF5's own copy of more than eight attributes crashes where one is a text.
TEST_F(QuantizeFileTest, CopiesTheirNumbersAndTexts) {
  const QuantSettings settings = settings_of("dynamic_fixed_point", 8);
  make([&](const h5::Group& root) {
    root.write("codes", std::vector<std::int32_t>{3, 1, 2}, {3});
    write_settings(root.object("codes"), settings);
    root.object("codes").attribute("scale", std::vector<float>{0.5F, 0.25F});
    const hsize_t nothing = 0;
    const h5::Handle space(H5Screate_simple(1, &nothing, nullptr), H5Sclose);
    H5Aclose(H5Acreate2(root.object("codes").id(), "none", H5T_NATIVE_INT, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  });
  EXPECT_TRUE(quantize(settings_of("clip", 4)).empty());
  const h5::File file = h5::File::open(out_);
  const h5::Group codes = file.root().object("codes");
  EXPECT_EQ(read_settings(codes), settings);
  EXPECT_THAT(codes.numbers<float>("scale"), ElementsAre(0.5F, 0.25F));
  EXPECT_TRUE(codes.has_attribute("none"));
}

TEST_F(QuantizeFileTest, RefusesTextsThatAreLost) {
  make([](const h5::Group& root) { root.write("texts", std::vector<std::string>{"one", "two"}); });
  std::string bytes = read_bytes(in_);
  const std::size_t heap = bytes.find("GCOL");
  ASSERT_NE(heap, std::string::npos);
  bytes[heap] = 'X';
  write_bytes(in_, bytes);
  EXPECT_THAT(error_of([&] { (void)quantize(settings_of("clip", 4)); }), HasSubstr(in_ + ": /texts: cannot read"));
}

TEST_F(QuantizeFileTest, TakesARunFile) {
  write_run(in_, sample_record());
  EXPECT_FALSE(quantize(settings_of("clip", 4)).empty());
  EXPECT_THAT(left_out_, ElementsAre("/: attribute format: what is written is no file that qrun trains or shows"));
  const h5::File file = h5::File::open(out_);
  EXPECT_EQ(file.root().text("run_id"), sample_record().run_id);
  EXPECT_EQ(file.root().open("test").read<std::int32_t>("labels"), sample_record().labels);
  EXPECT_EQ(file.root().open("metrics").open("train").read<double>("lr").size(), sample_record().train.size());
}

TEST_F(QuantizeFileTest, NamesTheDataSetThatIsNotFinite) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    make([&](const h5::Group& root) { root.create("a").write("x", std::vector<double>{1, bad}, {2}); });
    EXPECT_THAT(error_of([&] { (void)quantize(settings_of("clip", 4)); }),
                HasSubstr(in_ + ": /a/x: value 1 is not finite as float32"));
    EXPECT_FALSE(std::filesystem::exists(out_)) << "the output appears whole or not at all";
  }
}

TEST_F(QuantizeFileTest, RefusesToReplaceItsInput) {
  make([&](const h5::Group& root) { root.write("x", normal_values(4, 1), {4}); });
  const std::string before = read_bytes(in_);
  std::filesystem::create_symlink(in_, out_);
  EXPECT_THAT(error_of([&] { (void)quantize(settings_of("clip", 4)); }), HasSubstr("the same file"));
  EXPECT_THAT(error_of([&] { (void)quantize_file(in_, in_, settings_of("clip", 4)); }), HasSubstr("the same file"));
  EXPECT_EQ(read_bytes(in_), before);
}

TEST_F(QuantizeFileTest, KeepsAttributes) {
  make([&](const h5::Group& root) {
    root.attribute("layers", 3.5);
    root.create("g").attribute("backend", "x");
    root.open("g").write("steps", std::vector<std::int32_t>{1, 2}, {2});
    root.open("g").object("steps").attribute("units", "s");
    root.write("a", normal_values(4, 1), {4});
    const h5::Group a = root.object("a");
    a.attribute("units", "V");
    add_attribute(a, "nothing", H5T_NATIVE_FLOAT, H5S_NULL);
    a.attribute("scale", 7.0);
    add_attribute(root, "points_to", H5T_STD_REF_OBJ, H5S_SCALAR);
  });
  (void)quantize(settings_of("clip", 4));
  const h5::File file = h5::File::open(out_);
  EXPECT_EQ(file.root().number<double>("layers"), 3.5);
  EXPECT_EQ(file.root().open("g").text("backend"), "x");
  EXPECT_EQ(file.root().open("g").object("steps").text("units"), "s");
  const h5::Group a = file.root().open("a");
  EXPECT_EQ(a.text("units"), "V");
  EXPECT_TRUE(a.has_attribute("nothing"));
  EXPECT_NE(a.number<double>("scale"), 7.0);
  EXPECT_THAT(left_out_, ElementsAre("/: attribute points_to: references, which lead nowhere in another file",
                                     "/a: attribute scale: codes have an attribute of this name"));
}

TEST_F(QuantizeFileTest, KeepsWhatHasNoValues) {
  make([&](const h5::Group& root) {
    const h5::Handle null(H5Screate(H5S_NULL), H5Sclose);
    for (const auto& [name, type] : {std::pair{"nothing", H5T_NATIVE_FLOAT}, {"no_steps", H5T_NATIVE_INT}})
      H5Dclose(H5Dcreate2(root.id(), name, type, null.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    root.object("nothing").attribute("units", "V");
    const h5::Handle type(H5Tcopy(H5T_STD_I32BE), H5Tclose);
    H5Tcommit2(root.id(), "type", type.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const h5::Handle one(H5Screate(H5S_SCALAR), H5Sclose);
    H5Dclose(H5Dcreate2(root.id(), "refs", H5T_STD_REF_OBJ, one.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  });
  EXPECT_TRUE(quantize(settings_of("clip", 4)).empty());
  const h5::File file = h5::File::open(out_);
  EXPECT_THAT(file.root().names(), ElementsAre("nothing", "no_steps", "type"));
  EXPECT_EQ(file.root().kind("nothing"), h5::Kind::kReal);
  EXPECT_FALSE(file.root().has_shape("nothing"));
  EXPECT_EQ(file.root().object("nothing").text("units"), "V");
  EXPECT_FALSE(file.root().is_set("type") || file.root().is_group("type"));
  EXPECT_THAT(left_out_, ElementsAre("/refs: references, which lead nowhere in another file"));
}

TEST_F(QuantizeFileTest, KeepsTheOrderOfCreation) {
  make([&](const h5::Group& root) {
    for (const char* name : {"z", "b", "y", "a"}) root.write(name, normal_values(4, 1), {4});
    H5Lcreate_soft("/b", root.id(), "m", H5P_DEFAULT, H5P_DEFAULT);
    root.write("c", std::vector<std::int32_t>{1}, {1});
  });
  (void)quantize(settings_of("clip", 4));
  const h5::File file = h5::File::open(out_);
  std::vector<std::string> names;
  for (const h5::Link& link : file.root().links()) names.push_back(link.name);
  EXPECT_THAT(names, ElementsAre("z", "b", "y", "a", "m", "c"));
}

TEST_F(QuantizeFileTest, KeepsLinksAndFollowsNone) {
  std::filesystem::create_directory(path("folder"));
  make([&](const h5::Group& root) {
    root.create("a").write("x", normal_values(4, 1), {4});
    H5Lcreate_soft("/a/nowhere", root.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/w", root.id(), "external", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("/data/other.h5", "/w", root.id(), "absolute", H5P_DEFAULT, H5P_DEFAULT);
  });
  const auto links = [](const std::string& of) {
    std::vector<std::string> result;
    const h5::File file = h5::File::open(of);
    for (const h5::Link& link : file.root().links()) result.push_back(link.name + " " + link.file + " " + link.path);
    return result;
  };
  EXPECT_EQ(quantize(settings_of("clip", 4)).size(), 1);
  EXPECT_THAT(links(out_),
              ElementsAre("a  ", "soft  /a/nowhere", "external other.h5 /w", "absolute /data/other.h5 /w"));
  (void)quantize_file(in_, path("folder/out.h5"), settings_of("clip", 4));
  EXPECT_THAT(links(path("folder/out.h5")),
              ElementsAre("a  ", "soft  /a/nowhere", "external ../other.h5 /w", "absolute /data/other.h5 /w"));
}

TEST_F(QuantizeFileTest, KeepsSeveralNamesOfOneObject) {
  make([&](const h5::Group& root) {
    const h5::Group a = root.create("a");
    a.write("x", normal_values(4, 1), {4});
    a.write("n", std::vector<std::int32_t>{1}, {1});
    a.link_object("x2", "/a/x");
    a.link_object("n2", "/a/n");
    a.link_object("up", "/");
    root.link_object("b", "/a");
  });
  EXPECT_EQ(quantize(settings_of("clip", 4)).size(), 1);
  const h5::File file = h5::File::open(out_);
  const h5::Group a = file.root().open("a");
  EXPECT_EQ(a.address("x2"), a.address("x"));
  EXPECT_EQ(a.address("n2"), a.address("n"));
  EXPECT_EQ(a.address("up"), file.root().address("."));
  EXPECT_EQ(file.root().address("b"), file.root().address("a"));
  EXPECT_TRUE(left_out_.empty());
}

TEST_F(QuantizeFileTest, KeepsDimensionScales) {
  make([&](const h5::Group& root) {
    root.write("time", std::vector<float>{0, 0.5F, 1}, {3});  // an axis, which is no weight
    root.write("x", normal_values(12, 1), {3, 4});
    root.write("n", std::vector<std::int32_t>{1, 2, 3}, {3});
    root.write("bare", normal_values(6, 1), {2, 3});
    root.label("x", {"time", "channel"});
    root.label("n", {"time"});
    root.axis("long", std::int64_t{1} << 40);
  });
  EXPECT_EQ(quantize(settings_of("clip", 4)).size(), 2);
  EXPECT_TRUE(left_out_.empty());
  const h5::File file = h5::File::open(out_);
  const h5::Group& root = file.root();
  const auto addresses = [&](std::vector<std::string> names) {
    std::vector<std::vector<haddr_t>> result;
    for (const std::string& name : names) result.push_back({root.address(name)});
    return result;
  };
  EXPECT_THAT(root.read<float>("time"), ElementsAre(0, 0.5F, 1));
  EXPECT_TRUE(root.is_scale("time") && root.is_scale("long"));
  EXPECT_EQ(root.dims("long"), (h5::Dims{std::int64_t{1} << 40}));
  EXPECT_EQ(root.open("x").scales("codes"), addresses({"time", "channel"}));
  EXPECT_EQ(root.scales("n"), addresses({"time"}));
  EXPECT_EQ(root.open("bare").scales("codes"), addresses({"bare/dim_0", "bare/dim_1"}));
}

TEST_F(QuantizeFileTest, SaysWhichDimensionScaleIsGone) {
  make([&](const h5::Group& root) {
    root.write("n", std::vector<std::int32_t>{1, 2, 3}, {3});
    root.label("n", {"gone"});
    H5Ldelete(root.id(), "gone", H5P_DEFAULT);
  });
  (void)quantize(settings_of("clip", 4));
  EXPECT_THAT(left_out_, ElementsAre("/n: a dimension scale of its dimension 0"));
}

TEST_F(QuantizeFileTest, NamesAMissingInput) {
  EXPECT_EQ(error_of([&] { (void)quantize(settings_of("clip", 4)); }), in_ + ": no such file");
}

}  // namespace
}  // namespace qrun::test
