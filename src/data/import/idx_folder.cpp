#include "data/import/idx_folder.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "core/error.h"
#include "data/import/folder.h"

namespace qrun {
namespace {

constexpr std::string_view kBetween = "-_.";  // words of a name

/// Cuts the last word off `name`, if it is `word`.
bool cut(std::string_view& name, std::string_view word) {
  if (!name.ends_with(word)) return false;
  const std::string_view rest = name.substr(0, name.size() - word.size());
  if (!rest.empty() && kBetween.find(rest.back()) == rest.npos) return false;
  name = rest.substr(0, rest.empty() ? 0 : rest.size() - 1);
  return true;
}

/// A set's files by what they hold: training images, training labels, test images, test labels.
using Parts = std::array<std::vector<std::string>, 4>;
constexpr std::array<const char*, 4> kPartNames = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                   "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/// True for a .gz beside the file that it was unpacked to.
bool is_packed_twin(const std::string& name, const std::vector<std::string>& names) {
  return name.ends_with(".gz") && std::ranges::binary_search(names, name.substr(0, name.size() - 3));
}

std::map<std::string, Parts> sets_in(const std::string& folder) {
  std::map<std::string, Parts> sets;
  const std::vector<std::string> names = files_in(folder);
  for (const std::string& name : names) {
    const std::optional<IdxName> said = parse_idx_name(name);
    if (!said || is_packed_twin(name, names)) continue;
    sets[said->set][(said->is_train ? 0U : 2U) + (said->is_images ? 0U : 1U)].push_back(name);
  }
  return sets;
}

std::string title(const std::string& set) { return set.empty() ? "one without a prefix" : set; }

std::string titles(const std::map<std::string, Parts>& sets) {
  std::vector<std::string> names;
  for (const auto& [set, parts] : sets) names.push_back(title(set));
  return some_of(names);
}

const std::pair<const std::string, Parts>& choose(const std::string& folder, const std::map<std::string, Parts>& sets,
                                                  const std::optional<std::string>& set) {
  if (sets.empty()) {
    throw Error(folder + ": no idx files; looked for " + kPartNames[0] +
                " and the like (plain or .gz, with a prefix, with dots, test for t10k), but " + what_it_holds(folder));
  }
  if (set) {
    const auto found = sets.find(*set);
    if (found == sets.end()) throw Error(folder + ": no set " + *set + "; there are " + titles(sets));
    return *found;
  }
  if (sets.size() > 1) throw Error(folder + ": holds several sets: " + titles(sets) + "; choose one by --set");
  return *sets.begin();
}

}  // namespace

std::optional<IdxName> parse_idx_name(std::string_view name) {
  if (name.ends_with(".gz")) name.remove_suffix(3);
  IdxName said;
  if (!cut(name, "ubyte")) return std::nullopt;
  said.is_images = cut(name, "idx3");
  if (!said.is_images && !cut(name, "idx1")) return std::nullopt;
  if (!cut(name, said.is_images ? "images" : "labels")) return std::nullopt;
  said.is_train = cut(name, "train");
  if (!said.is_train && !cut(name, "t10k") && !cut(name, "test")) return std::nullopt;
  said.set = name;
  return said;
}

IdxFiles find_idx_files(const std::string& folder, const std::optional<std::string>& set) {
  const std::map<std::string, Parts> sets = sets_in(folder);
  const auto& chosen = choose(folder, sets, set);
  const auto path_of = [&](std::size_t part) {
    const std::vector<std::string>& files = chosen.second.at(part);
    if (files.empty()) {
      throw Error(folder + ": " + (chosen.first.empty() ? "" : chosen.first + "-") + kPartNames.at(part) +
                  " is missing (plain or .gz); " + what_it_holds(folder));
    }
    if (files.size() > 1)
      throw Error(folder + ": " + some_of(files) + " are the same part of a set; leave one of them there");
    return folder + "/" + files.front();
  };
  return {path_of(0), path_of(1), path_of(2), path_of(3)};
}

}  // namespace qrun
