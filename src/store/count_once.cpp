#include "store/count_once.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>
#include <tuple>
#include <utility>

#include "store/layout.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

bool has_its_name(const RunCopy& file) { return fs::path(file.path).stem() == file.run_id; }

/// True where both were written by the same process at the same time.
bool is_copy(const RunCopy& a, const RunCopy& b) {
  return a.status == b.status && a.started == b.started && a.finished == b.finished && a.wall_seconds == b.wall_seconds;
}

bool is_better(const RunCopy& a, const RunCopy& b) {
  const auto rank = [](const RunCopy& file) {
    return std::tuple(file.lives, has_ended(file.status), file.finished, has_its_name(file));
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

struct LeftOutFile {
  const RunCopy* file;
  const RunCopy* kept;
};

/// Why a file does not count beside the one that does, and why several of a folder do not.
std::pair<std::string, std::string> reasons(const LeftOutFile& left) {
  if (is_copy(*left.file, *left.kept))
    return {"a copy of {}; the run counts once", "{} files are copies of those in {}; each run counts once"};
  if (left.kept->lives)
    return {"left out, for the run trains now: {}", "{} files are left out, for their runs train now in {}"};
  return {"left out, for {} is the same run and finished last",
          "{} files are left out, for those in {} are the same runs and finished last"};
}

/// One line for each folder and reason.
std::vector<std::string> notes_of(const std::vector<LeftOutFile>& files) {
  std::map<std::array<std::string, 3>, std::vector<LeftOutFile>> alike;
  for (const LeftOutFile& left : files)
    alike[{folder_of(left.file->path), folder_of(left.kept->path), reasons(left).first}].push_back(left);
  std::vector<std::string> notes;
  for (const auto& [key, some] : alike) {
    const auto& [one, several] = reasons(some[0]);
    notes.push_back(some.size() == 1 ? some[0].file->path + ": " + fmt::format(fmt::runtime(one), some[0].kept->path)
                                     : key[0] + ": " + fmt::format(fmt::runtime(several), some.size(), key[1]));
  }
  return notes;
}

}  // namespace

CountedOnce count_once(const std::vector<RunCopy>& files) {
  std::map<std::string, std::size_t> best;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto [at, is_new] = best.try_emplace(hash_of(files[i].run_id), i);
    if (!is_new && is_better(files[i], files[at->second])) at->second = i;
  }
  CountedOnce counted;
  std::vector<LeftOutFile> left_out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t kept = best.at(hash_of(files[i].run_id));
    if (kept == i) {
      counted.kept.push_back(i);
    } else if (!is_same_file(files[i].path, files[kept].path)) {
      left_out.push_back({&files[i], &files[kept]});
    }
  }
  counted.notes = notes_of(left_out);
  return counted;
}

}  // namespace qrun
