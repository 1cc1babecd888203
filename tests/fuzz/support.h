// What the targets share: the input as a file, and a claim that must hold for every input.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

namespace qrun::fuzz {

/// Sweeps with more points are passed over: their runs are the same again, for minutes.
inline constexpr std::size_t kEnoughPoints = 1000;

/// A path for this process, in the temporary folder.
inline std::string path_for(const std::string& name) {
  static const std::string kFolder = [] {
    std::string folder = (std::filesystem::temp_directory_path() / "qrun_fuzz.XXXXXX").string();
    return std::string(mkdtemp(folder.data()));
  }();
  return kFolder + "/" + name;
}

/// Writes a file of this name with these bytes; returns its path.
inline std::string file_of(const std::string& name, std::string_view bytes) {
  std::string path = path_for(name);
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

/// Ends the process, which the fuzzer then reports with its input, if the claim is false.
inline void must_hold(bool claim, std::string_view what) {
  if (claim) return;
  std::cerr << "does not hold: " << what << '\n';
  std::abort();
}

/// What a target does with an input: each has its own.
void one_input(std::string_view input);

}  // namespace qrun::fuzz
