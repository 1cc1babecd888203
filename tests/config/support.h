// What the tests of configurations share: files in a folder of their own, and the messages about them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/read.h"
#include "core/error.h"

namespace qrun::test {

using Lines = std::vector<std::string>;

/// A configuration without mistakes; every test changes a line of it.
inline const std::string kSmall =
    "data:\n"
    "  train: {synthetic_digits: 100, batch_size: 10}\n"
    "  test: {synthetic_digits: 50, batch_size: 10}\n"
    "network:\n"
    "  - {name: conv1, type: conv2d, out_channels: 4, kernel_size: 5}\n"
    "  - {name: relu1, type: relu}\n"
    "  - {name: score, type: linear, out_features: 10}\n"
    "solver: {lr: 0.01}\n"
    "train: {epochs: 1}\n";

/// `text` with its one `from` replaced.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  EXPECT_EQ(text.find(from, at + 1), std::string::npos) << from << " is there twice";
  return text.replace(at, from.size(), to);
}
inline std::string with(const std::string& from, const std::string& to) { return with(kSmall, from, to); }

/// Files in a temporary folder, which messages name without the folder.
class Files {
 public:
  Files() : folder_(std::filesystem::temp_directory_path() / ("qrun_config_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  Files& write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return *this;
  }

  [[nodiscard]] Sweep sweep(const std::string& name, const std::vector<std::string>& overrides = {}) const {
    return read_config((folder_ / name).string(), overrides);
  }
  [[nodiscard]] RunSpec read(const std::string& name, const std::vector<std::string>& overrides = {}) const {
    const Sweep sweep = this->sweep(name, overrides);
    EXPECT_EQ(sweep.runs.size(), 1U);
    return sweep.runs.at(0);
  }

  /// The mistakes of a file; none where it is right.
  [[nodiscard]] Lines mistakes(const std::string& name, const std::vector<std::string>& overrides = {}) const {
    try {
      (void)read_config((folder_ / name).string(), overrides);
    } catch (const ConfigError& error) {
      Lines lines = error.lines();
      for (std::string& line : lines) shorten(line);
      return lines;
    }
    return {};
  }

 private:
  void shorten(std::string& line) const {
    const std::string prefix = folder_.string() + "/";
    for (std::size_t at = line.find(prefix); at != std::string::npos; at = line.find(prefix)) {
      line.erase(at, prefix.size());
    }
  }

  std::filesystem::path folder_;
};

/// The mistakes of one text, in `a.yaml`.
inline Lines mistakes(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return Files().write("a.yaml", text).mistakes("a.yaml", overrides);
}
inline RunSpec read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return Files().write("a.yaml", text).read("a.yaml", overrides);
}

/// A change to kSmall and all lines that follow from it.
struct Case {
  std::string from;
  std::string to;
  Lines lines;
};
inline void expect_mistakes(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(mistakes(with(c.from, c.to)), c.lines) << c.to;
}

}  // namespace qrun::test
