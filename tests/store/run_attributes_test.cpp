#include "store/run_attributes.h"

#include <cmath>

#include "core/support.h"

namespace qrun::test {
namespace {

using testing::Contains;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;

class RunAttributesTest : public FolderTest {
 protected:
  [[nodiscard]] h5::File file(const std::string& name = "x.h5") const { return h5::File::create(path(name)); }
};

std::vector<std::string> names_in_table() {
  std::vector<std::string> names;
  for_each_row(kRunAttributes, [&](const auto& row) { names.emplace_back(row.name); });
  return names;
}

TEST_F(RunAttributesTest, StandInFilesInTheOrderOfTheTable) {
  const h5::File x = file();
  write_attributes(x.root(), {.error = "diverged", .status = RunStatus::kFailed, .products = "cudnn 91900"});
  EXPECT_THAT(x.root().attribute_names(), ElementsAreArray(names_in_table()));
  EXPECT_EQ(read_attributes(x.root()).error, "diverged");
}

TEST_F(RunAttributesTest, HaveAnErrorOfAFailedRunOnly) {
  const h5::File x = file();
  write_attributes(x.root(), {.error = "of an earlier try", .status = RunStatus::kComplete});
  EXPECT_THAT(x.root().attribute_names(), Not(Contains("error")));
  EXPECT_EQ(read_attributes(x.root()).error, "");
}

TEST_F(RunAttributesTest, NameAProductsLibraryWhereThereWasOneOnly) {
  const h5::File x = file();
  write_attributes(x.root(), {});
  EXPECT_THAT(x.root().attribute_names(), Not(Contains("products")));
  EXPECT_EQ(read_attributes(x.root()).products, "");
  const h5::File y = file("y.h5");
  write_attributes(y.root(), {.products = "cudnn 91900; conv1 forward=1/fma"});
  EXPECT_EQ(read_attributes(y.root()).products, "cudnn 91900; conv1 forward=1/fma");
}

TEST_F(RunAttributesTest, AreReadFromFilesOfBeforeThereWereLaterOnes) {
  const h5::File x = file();
  const h5::File old = file("old.h5");
  write_attributes(x.root(), {.status = RunStatus::kComplete, .threads = 3, .final_test_loss = 0.5});
  for (const std::string& name : x.root().attribute_names()) EXPECT_TRUE(x.root().copy_attribute(name, old.root()));
  for_each_row(kRunAttributes, [&](const auto& row) {
    if (row.is_later) H5Adelete(old.root().id(), row.name);
  });
  const RunAttributes run = read_attributes(old.root());
  EXPECT_EQ(run.precision, "fp32");
  EXPECT_TRUE(std::isnan(run.final_test_loss));
  EXPECT_EQ(run.threads, 3);
  H5Adelete(old.root().id(), "device");
  EXPECT_THAT(error_of([&] { (void)read_attributes(old.root()); }), HasSubstr("device"));
}

TEST_F(RunAttributesTest, RefuseAStatusThatFilesDoNotHave) {
  for (const char* status : {"running", "taken over", "left", "complet", ""}) {
    const h5::File x = file();
    write_attributes(x.root(), {});
    H5Adelete(x.root().id(), "status");
    x.root().attribute("status", status);
    EXPECT_THAT(error_of([&] { (void)read_attributes(x.root()); }), HasSubstr("unknown value")) << status;
  }
}

TEST_F(RunAttributesTest, OfARunThatBeginsComeFromItsSpecItsEngineAndTheProgram) {
  RunSpec spec;
  spec.name = "sweep";
  spec.seed = 7;
  spec.precision = Precision::kTf32;
  const EngineInfo engine{.name = "cuda", .device = "H200", .instruction_set = "sm_90", .has_tf32 = true, .threads = 2};
  const RunAttributes run = attributes_of({spec, engine, {"1.2.3", "abc"}});
  EXPECT_EQ(run.run_id, spec.id());
  EXPECT_EQ(run.name, "sweep");
  EXPECT_EQ(run.config, spec.text());
  EXPECT_EQ(run.seed, 7U);
  EXPECT_EQ(run.engine, "cuda");
  EXPECT_EQ(run.arithmetic, "float");
  EXPECT_EQ(run.precision, "tf32");
  EXPECT_EQ(run.device, "H200");
  EXPECT_EQ(run.instruction_set, "sm_90");
  EXPECT_EQ(run.threads, 2);
  EXPECT_EQ(run.qrun_version, "1.2.3");
  EXPECT_EQ(run.git_commit, "abc");
  EXPECT_EQ(run.hostname, host_name());
  EXPECT_THAT(run.started, testing::MatchesRegex("....-..-..T..:..:..Z"));
  EXPECT_EQ(run.finished, "");
  EXPECT_EQ(attributes_of({spec, {}, {}}).precision, "fp32") << "of an engine that has no other";
}

}  // namespace
}  // namespace qrun::test
