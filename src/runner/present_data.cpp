#include "runner/present_data.h"

#include <fmt/format.h>

#include <filesystem>

#include "config/read.h"
#include "core/error.h"
#include "core/home.h"
#include "data/dataset.h"
#include "data/mean_image.h"
#include "runner/changed_data.h"
#include "runner/pack.h"

namespace qrun {
namespace {

/// The configuration with paths that hold in any folder, from the one where they held for the run.
RunSpec from_anywhere(RunSpec spec, const std::string& working_directory) {
  for (std::string* path : {&spec.data.train.lmdb, &spec.data.test.lmdb, &spec.data.mean_file, &spec.train.init_from}) {
    if (!path->empty()) *path = (std::filesystem::path(working_directory) / expand_home(*path)).string();
  }
  return spec;
}

}  // namespace

void PresentData::mark(Leaderboard& board) {
  for (LeaderboardRow& row : board.rows) {
    if (row.data && row.status != RunStatus::kFailed) row.changed_data = changes_of(row);
  }
}

std::string PresentData::changes_of(const LeaderboardRow& row) {
  try {
    const RunSpec spec = read_run_text(row.config, row.path);
    const RunSpec there = from_anywhere(spec, row.data->working_directory);
    DataRecord now;
    now.train.contents = contents(there.data.train);
    now.test.contents = contents(there.data.test);
    now.mean_hash = mean_hash(there.data);
    const Contents& images = row.data->train.contents;
    if (!row.data->init_from_hash.empty())
      now.init_from_hash = initial_hash(there, {input_shape(there.data, images.shape), images.items});
    std::string text;
    for (const DataChange& change : data_changes(spec, *row.data, now)) {
      text += fmt::format("{}{} held {}, and holds {}", text.empty() ? "" : "; ", change.name, change.was, change.is);
    }
    return text;
  } catch (const ConfigError&) {
    return "";  // a configuration of another version: its data is not known here
  }
}

std::string PresentData::mean_hash(const DataSpec& data) {
  if (data.mean_file.empty()) return "";  // that of a training set changes with it
  try {
    return hash_of(read_mean_image(data.mean_file));
  } catch (const Error&) {
    return "";
  }
}

Contents PresentData::contents(const SourceSpec& source) {
  if (source.lmdb.empty()) return {};
  const auto [at, is_new] = sets_.try_emplace(source.lmdb);
  try {
    if (is_new) at->second = open_dataset(source, Split::kTrain)->contents();
  } catch (const std::exception&) {
    return {};
  }
  return at->second;
}

}  // namespace qrun
