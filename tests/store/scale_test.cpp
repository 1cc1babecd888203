// Names of dimensions.
#include "store/h5.h"
#include "support.h"

namespace qrun::test {
namespace {

using testing::ElementsAre;
using Addresses = std::vector<std::vector<haddr_t>>;

class ScaleTest : public FolderTest {
 protected:
  [[nodiscard]] const h5::Group& root() const { return file_.root(); }

 private:
  const h5::File file_ = h5::File::create(path("scales.h5"));
};

TEST_F(ScaleTest, AreSharedByDataSetsOfOneGroup) {
  root().write("a", std::vector<float>(6), {2, 3});
  root().write("b", std::vector<float>(3), {3});
  root().label("a", {"row", "column"});
  root().label("b", {"column"});
  EXPECT_THAT(root().names(), ElementsAre("a", "b", "row", "column"));
  EXPECT_EQ(root().scales("a"), (Addresses{{root().address("row")}, {root().address("column")}}));
  EXPECT_EQ(root().scales("b"), (Addresses{{root().address("column")}}));
}

TEST_F(ScaleTest, AreDataSetsThatAreThereAlready) {
  root().write("epoch", std::vector<std::int64_t>{0, 1}, {2});
  root().write("loss", std::vector<double>{3, 4}, {2});
  for (const char* name : {"epoch", "loss"}) root().label(name, {"epoch"});
  EXPECT_THAT(root().names(), ElementsAre("epoch", "loss"));
  EXPECT_TRUE(root().is_scale("epoch"));
  EXPECT_EQ(root().scales("loss"), Addresses{{root().address("epoch")}});
  EXPECT_TRUE(root().scales("epoch").empty());
}

TEST_F(ScaleTest, AreFoundInTheGroupsAbove) {
  root().axis("sample", 4);
  const h5::Group below = root().create("layers").create("conv1");
  below.write("a", std::vector<float>(4), {4});
  below.label("a", {"sample"});
  EXPECT_THAT(below.names(), ElementsAre("a"));
  EXPECT_EQ(below.scales("a"), Addresses{{root().address("sample")}});
}

TEST_F(ScaleTest, AreMadeWhereThatAboveHasAnotherLengthOrIsNone) {
  root().axis("sample", 4);
  root().write("row", std::vector<float>(5), {5});
  const h5::Group below = root().create("conv1");
  below.write("a", std::vector<float>(15), {3, 5});
  below.label("a", {"sample", "row"});
  EXPECT_THAT(below.names(), ElementsAre("a", "sample", "row"));
  EXPECT_FALSE(root().is_scale("row"));
}

TEST_F(ScaleTest, HaveAnotherNameWhereTheirsIsTaken) {
  (void)root().create("sample");  // a layer may be called so
  root().write("a", std::vector<float>(3), {3});
  root().write("b", std::vector<float>(3), {3});
  for (const char* name : {"a", "b"}) root().label(name, {"sample"});
  EXPECT_THAT(root().names(), ElementsAre("sample", "a", "b", "sample_"));
  EXPECT_EQ(root().scales("a"), root().scales("b"));
}

TEST_F(ScaleTest, TakeNoRoomForValuesThatTheyDoNotHave) {
  root().axis("long", std::int64_t{1} << 40);
  const h5::Group set = root().object("long");
  EXPECT_EQ(H5Dget_storage_size(set.id()), 0);
  EXPECT_TRUE(root().is_scale("long"));
}

TEST_F(ScaleTest, AreTakenForNothingElseWhereTheirMarksAreOdd) {
  root().write("a", std::vector<float>(3), {3});
  root().object("a").attribute("CLASS", "DIMENSION_SCALE");  // of variable length
  root().object("a").attribute("DIMENSION_LIST", std::vector<std::int64_t>{1, 2, 3});
  EXPECT_FALSE(root().is_scale("a"));
  EXPECT_TRUE(root().scales("a").empty());
}

}  // namespace
}  // namespace qrun::test
