#include "store/count_once.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>
#include <utility>

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHashDigits = 12;

bool has_its_name(const RunCopy& file) { return fs::path(file.path).stem() == file.run_id; }

bool has_ended(const RunCopy& file) { return file.status == "complete" || file.status == "failed"; }

/// Written by the same process at the same time.
bool is_copy(const RunCopy& a, const RunCopy& b) {
  return a.status == b.status && a.started == b.started && a.finished == b.finished && a.wall_seconds == b.wall_seconds;
}

bool is_better(const RunCopy& a, const RunCopy& b) {
  const auto rank = [](const RunCopy& file) {
    return std::tuple(file.lives, has_ended(file), file.finished, has_its_name(file));
  };
  return rank(a) > rank(b);
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code code;
  return fs::weakly_canonical(a, code) == fs::weakly_canonical(b, code);
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// Copies of whole folders are one line each.
void note_copies(const std::vector<RunCopy>& files, const std::vector<std::pair<std::size_t, std::size_t>>& copies,
                 std::vector<std::string>& notes) {
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<std::size_t, std::size_t>>> folders;
  for (const auto& [copy, kept] : copies)
    folders[{folder_of(files[copy].path), folder_of(files[kept].path)}].emplace_back(copy, kept);
  for (const auto& [names, pairs] : folders) {
    if (pairs.size() == 1) {
      notes.push_back(fmt::format("{}: a copy of {}; the run counts once", files[pairs[0].first].path,
                                  files[pairs[0].second].path));
    } else {
      notes.push_back(fmt::format("{}: {} files are copies of those in {}; each run counts once", names.first,
                                  pairs.size(), names.second));
    }
  }
}

}  // namespace

std::string hash_of(const std::string& run_id) {
  const bool has_hash = run_id.size() > kHashDigits && run_id[run_id.size() - kHashDigits - 1] == '-' &&
                        run_id.find_first_not_of("0123456789abcdef", run_id.size() - kHashDigits) == std::string::npos;
  return has_hash ? run_id.substr(run_id.size() - kHashDigits) : run_id;
}

CountedOnce count_once(const std::vector<RunCopy>& files) {
  std::map<std::string, std::size_t> best;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto [at, is_new] = best.try_emplace(hash_of(files[i].run_id), i);
    if (!is_new && is_better(files[i], files[at->second])) at->second = i;
  }
  CountedOnce counted;
  std::vector<std::pair<std::size_t, std::size_t>> copies;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t kept = best.at(hash_of(files[i].run_id));
    if (kept == i) {
      counted.kept.push_back(i);
    } else if (is_copy(files[i], files[kept])) {
      if (!is_same_file(files[i].path, files[kept].path)) copies.emplace_back(i, kept);
    } else {
      counted.notes.push_back(fmt::format("{}: left out, for {} is the same run and {}", files[i].path,
                                          files[kept].path, files[kept].lives ? "trains now" : "finished last"));
    }
  }
  note_copies(files, copies, counted.notes);
  return counted;
}

}  // namespace qrun
