// What tests of training share: a small job on drawn digits, trained into a folder of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "config/read.h"
#include "core/error.h"
#include "cpu/cpu_engine.h"
#include "runner/pack.h"

namespace qrun {

namespace fs = std::filesystem;

/// A folder that goes when the test ends.
class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string name = (fs::temp_directory_path() / "qrun.XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FolderTest() override {
    std::error_code code;
    fs::remove_all(folder_, code);
  }

  std::string folder_;
};

class TrainPack : public FolderTest {
 protected:
  /// 200 drawn digits in batches of 20: epochs of 10 iterations.
  static RunSpec spec(const std::vector<std::string>& overrides) {
    const std::string smoke = std::string(QRUN_SOURCE_DIR) + "/configs/smoke.yaml";
    std::vector<std::string> all = overrides;
    for (const std::string preset :
         {"data.train={synthetic_digits: 200, batch_size: 20}", "data.test={synthetic_digits: 90, batch_size: 40}",
          "train.epochs=3", "train.iterations_per_epoch=10"}) {
      const std::string key = preset.substr(0, preset.find('=') + 1);  // no address is given twice
      const auto has_key = [&](const std::string& override) { return override.starts_with(key); };
      if (std::ranges::none_of(overrides, has_key)) all.insert(all.begin(), preset);
    }
    return read_config(smoke, all).runs.at(0);
  }

  std::vector<RunOutcome> train(
      const std::vector<PackRun>& runs, const std::atomic<bool>& stop,
      const std::function<bool(const RunSpec&)>& owned = [](const RunSpec&) { return true; }) {
    return train(runs, stop, owned, *make_cpu_engine(2));
  }
  std::vector<RunOutcome> train(const std::vector<PackRun>& runs, const std::atomic<bool>& stop,
                                const std::function<bool(const RunSpec&)>& owned, Engine& engine) {
    const BuildInfo build{"1.2.3", "abc"};
    const ResultsFolder folder(folder_, "test");
    Progress progress(ProgressStyle::kSilent);
    return train_pack(runs, open_data(runs[0].spec.data), {engine, build, folder, progress, stop, owned});
  }
  RunRecord train(const RunSpec& run, const std::atomic<bool>& stop) {
    outcome_ = train({{run, {}}}, stop).at(0);
    return read_run(outcome_.path, ReadDepth::kAll);
  }
  RunRecord train(const std::vector<std::string>& overrides) {
    const std::atomic<bool> go_on{false};
    return train(spec(overrides), go_on);
  }

  RunOutcome outcome_;
};

template <class Row, class T>
[[nodiscard]] std::vector<T> column(const std::vector<Row>& rows, T Row::*member) {
  std::vector<T> values;
  for (const Row& row : rows) values.push_back(row.*member);
  return values;
}

}  // namespace qrun
