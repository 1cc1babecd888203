#include "config/paths.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "config/yaml/names.h"
#include "core/home.h"

namespace qrun::config {
namespace {

namespace fs = std::filesystem;

using Address = std::vector<std::string>;

/// The addresses of paths, in parts: each run of a sweep is asked for them.
const std::vector<Address>& paths() {
  static const std::vector<Address> kPaths = {
      {"data", "train", "lmdb"}, {"data", "test", "lmdb"}, {"data", "mean", "file"},
      {"output", "dir"},         {"train", "init_from"},   {"train", "init_from", "dir"},
  };
  return kPaths;
}

const Node* find_value(const Node& document, const Address& address) {
  const Node* node = &document;
  for (const std::string& key : address) {
    node = node->find(key);
    if (node == nullptr) return nullptr;
  }
  return node;
}

std::string dotted(const Address& address) {
  std::string text;
  for (const std::string& key : address) text = key_address(text, key);
  return text;
}

/// Files that may be configurations, by their stems.
std::map<std::string, std::string> configurations_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string ending = entry->path().extension().string();
    if (ending == ".yaml" || ending == ".yml") files[entry->path().stem().string()] = entry->path().filename().string();
  }
  return files;
}

}  // namespace

void check_paths(const Node& document, Problems& problems) {
  for (const Address& address : paths()) {
    const Node* value = find_value(document, address);
    const std::string problem = value != nullptr && value->is_scalar() ? path_problem(value->scalar) : "";
    if (!problem.empty()) problems.add(*value, dotted(address), problem);
  }
}

std::string near_configurations(const std::string& path) {
  constexpr std::size_t kMost = 3;
  const fs::path folder = fs::path(path).parent_path();
  const std::map<std::string, std::string> files = configurations_in(folder.empty() ? "." : folder);
  std::vector<std::string> stems;
  for (const auto& [stem, file] : files) stems.push_back(stem);
  std::vector<std::string> names;
  for (const std::string& stem : nearest(fs::path(path).stem().string(), stems, kMost)) names.push_back(files.at(stem));
  return join(names);
}

}  // namespace qrun::config
