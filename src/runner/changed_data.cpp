#include "runner/changed_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"

namespace qrun {
namespace {

DataChange change_of(const SourceSpec& source, const std::string& split, std::string was, std::string is) {
  const bool is_lmdb = !source.lmdb.empty();
  return {.position = source.position,
          .key = "data." + split + (is_lmdb ? ".lmdb" : ".synthetic_digits"),
          .name = is_lmdb ? source.lmdb : "the digits of data." + split,
          .was = std::move(was),
          .is = std::move(is)};
}

DataChange change_of(const SourceSpec& source, const std::string& split, const SetRecord& seen, const SetRecord& now) {
  return change_of(source, split, to_string(seen.contents), to_string(now.contents));
}

bool differ(const SetRecord& seen, const SetRecord& now) {
  const bool known = !seen.contents.hash.empty() && !now.contents.hash.empty();
  return known && seen.contents != now.contents;
}

/// Returns the change of the masters to start from; nothing where there is none, or where it is not known.
std::optional<DataChange> change_of_start(const RunSpec& run, const std::string& was, const std::string& is) {
  if (was.empty() || is.empty() || was == is) return std::nullopt;
  return DataChange{.position = run.train.init_from_position,
                    .key = "train.init_from",
                    .name = run.train.init_from,
                    .was = "masters (hash " + was + ")",
                    .is = "masters (hash " + is + ")"};
}

/// Returns the change of the mean image; nothing where there is none, or where it is not known. Where the training set
/// has changed, that says it all of its mean image.
std::optional<DataChange> change_of_mean(const RunSpec& run, const DataRecord& seen, const DataRecord& now) {
  const bool is_said = run.data.mean_of_train && differ(seen.train, now.train);
  if (is_said || seen.mean_hash.empty() || now.mean_hash.empty() || seen.mean_hash == now.mean_hash)
    return std::nullopt;
  return DataChange{.position = run.data.mean_position,
                    .key = run.data.mean_of_train ? "data.mean" : "data.mean.file",
                    .name = run.data.mean_of_train ? "the mean image of data.train" : run.data.mean_file,
                    .was = "values (hash " + seen.mean_hash + ")",
                    .is = "values (hash " + now.mean_hash + ")"};
}

}  // namespace

std::vector<DataChange> data_changes(const RunSpec& run, const DataRecord& seen, const DataRecord& now) {
  std::vector<DataChange> changes;
  const bool one_set = !run.data.train.lmdb.empty() && run.data.train.lmdb == run.data.test.lmdb;
  if (differ(seen.train, now.train)) changes.push_back(change_of(run.data.train, "train", seen.train, now.train));
  if (differ(seen.test, now.test) && !(one_set && !changes.empty()))
    changes.push_back(change_of(run.data.test, "test", seen.test, now.test));
  if (auto mean = change_of_mean(run, seen, now)) changes.push_back(std::move(*mean));
  if (auto start = change_of_start(run, seen.init_from_hash, now.init_from_hash)) changes.push_back(std::move(*start));
  return changes;
}

DataChange change_of_epochs(const SourceSpec& train, std::int64_t was, std::int64_t is) {
  return change_of(train, "train", fmt::format("items for {} iterations an epoch", was),
                   fmt::format("items for {}", is));
}

void ChangedData::add(const std::vector<DataChange>& changes) {
  for (const DataChange& change : changes) {
    auto set = std::ranges::find_if(sets_, [&](const Set& s) { return s.change.name == change.name; });
    if (set == sets_.end()) set = sets_.insert(set, {change, {}});
    auto former = std::ranges::find(set->formers, change.was, &Former::was);
    if (former == set->formers.end()) former = set->formers.insert(former, {change.was});
    ++former->runs;
  }
}

void ChangedData::refuse() const {
  std::vector<std::string> lines;
  for (const auto& [change, formers] : sets_) {
    std::string was;
    for (const Former& former : formers) {
      was += fmt::format("{}{} run{} saw {}", was.empty() ? "" : ", ", former.runs, former.runs == 1 ? "" : "s",
                         former.was);
    }
    lines.push_back(mistake_line(
        change.position, change.key,
        fmt::format(
            "{} has changed: {}, now it holds {}; bring back what it held, or train these runs anew with --force",
            change.name, was, change.is)));
  }
  throw ConfigError(std::move(lines));
}

}  // namespace qrun
