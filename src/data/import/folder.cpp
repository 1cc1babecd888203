#include "data/import/folder.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> entries_of(const std::string& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    std::error_code ignored;  // a link to nowhere is neither
    if (folders ? entry->is_directory(ignored) : entry->is_regular_file(ignored))
      names.push_back(entry->path().filename().string());
  }
  if (code) throw Error("cannot read " + folder + ": " + code.message());
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::vector<std::string> files_in(const std::string& folder) { return entries_of(folder, false); }
std::vector<std::string> folders_in(const std::string& folder) { return entries_of(folder, true); }

std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > kMost ? text + " and " + std::to_string(names.size() - kMost) + " more" : text;
}

std::string what_it_holds(const std::string& folder) {
  std::vector<std::string> names = files_in(folder);
  for (const std::string& name : folders_in(folder)) names.push_back(name + "/");
  return names.empty() ? "it is empty" : "it holds " + some_of(names);
}

std::string find_packed(const std::string& folder, const std::string& name) {
  std::string path = folder + "/" + name;
  if (fs::is_regular_file(path)) return path;
  path += ".gz";
  return fs::is_regular_file(path) ? path : "";
}

}  // namespace qrun
