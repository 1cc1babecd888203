// Python reads the files as h5py gives them, and quantizes the masters again with formulas of its own.
#include <cstdlib>
#include <optional>

#include "support.h"

namespace qrun::test {
namespace {

using testing::HasSubstr;

/// A Python that has h5py.
std::optional<std::string> python() {
  for (const char* name : {"python3", "/usr/bin/python3"}) {
    const std::string command = std::string(name) + " -c 'import h5py' 2>/dev/null";
    if (std::system(command.c_str()) == 0) return name;
  }
  return std::nullopt;
}

/// What /network would say of these blobs, without a network.
std::string network_of(const RunRecord& record) {
  std::int64_t parameters = 0;
  std::int64_t bits = 0;
  for (const StoredBlob& blob : record.weights) {
    const auto size = static_cast<std::int64_t>(blob.master.size());
    parameters += size;
    bits += code_bits(blob.quant) * size + 64 * static_cast<std::int64_t>(blob.quantized.params.size());
  }
  const std::string costs = "\"parameters\": " + std::to_string(parameters) + ", \"macs\": 0, \"bit_operations\": 0, " +
                            "\"model_bits_float\": " + std::to_string(32 * parameters) +
                            ", \"model_bits\": " + std::to_string(bits);
  return "{\"layers\": [{" + costs + "}], " + costs + "}";
}

class PythonTest : public FolderTest {
 protected:
  /// What the checking program says of this record.
  [[nodiscard]] std::string check(RunRecord record) const {
    record.network_json = network_of(record);
    write_run(path("run.h5"), record);
    const std::string script = QRUN_SOURCE_DIR "/tests/store/check_run_file.py";
    const int status =
        std::system((*python_ + " " + script + " " + path("run.h5") + " >" + path("said") + " 2>&1").c_str());
    const std::string said = read_bytes(path("said"));
    EXPECT_EQ(status == 0, said.find(".h5: ok: ") != std::string::npos) << said;
    return said;
  }
  void SetUp() override {
    if (!python_) GTEST_SKIP() << "no python3 with h5py";
  }

 private:
  const std::optional<std::string> python_ = python();
};

RunRecord consistent_record() {
  RunRecord record = sample_record();
  record.best_test_accuracy = record.test.back().accuracy;
  return record;
}

TEST_F(PythonTest, FindsEveryMethodAsItShouldBe) {
  EXPECT_THAT(check(consistent_record()),
              HasSubstr("ok: complete, 3 epochs, 9 blobs, 5244 codes equal, 2 activations"));
}

TEST_F(PythonTest, FindsAFailedRunAsItShouldBe) {
  RunRecord record;
  record.run_id = "run-0123456789ab";
  record.status = RunStatus::kFailed;
  record.error = "diverged";
  EXPECT_THAT(check(record), HasSubstr("ok: failed, 0 epochs, 0 blobs, 0 codes equal, 0 activations"));
}

TEST_F(PythonTest, NoticesACodeThatIsNotItsMasters) {
  RunRecord record = consistent_record();
  std::int32_t& code = record.weights.at(0).quantized.codes.at(3);
  code = code == 0 ? 1 : 0;
  EXPECT_THAT(check(record), HasSubstr("/weights/conv1/weight/codes[0]: 1 codes differ from those of its master"));
}

TEST_F(PythonTest, NoticesAWrongScale) {
  RunRecord record = consistent_record();
  record.weights.at(6).quantized.params.at(0).scale *= 1.001F;
  EXPECT_THAT(check(record), HasSubstr("/weights/fc2/weight/codes[0]: scale is "));
}

TEST_F(PythonTest, NoticesAWrongAccuracy) {
  RunRecord record = consistent_record();
  record.final_test_accuracy = 0.51;
  EXPECT_THAT(check(record), HasSubstr("final_test_accuracy is not 0.5"));
}

}  // namespace
}  // namespace qrun::test
