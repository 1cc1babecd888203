#include "store/checkpoint.h"

// The header-only form: one function, no library to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/fault.h"
#include "store/h5.h"
#include "store/layout.h"
#include "store/run_summary.h"

namespace qrun {
namespace {

constexpr const char* kFormat = "qrun-checkpoint";

/// Files hold statistics side by side, under a name of when each was a range, one number.
std::vector<double> numbers_of(const TrainingState& state) {
  std::vector<double> numbers;
  for (const std::vector<double>& statistic : state.statistics)
    numbers.insert(numbers.end(), statistic.begin(), statistic.end());
  return numbers;
}

/// How many numbers each statistic has; empty where it is one in all of them, as in files of then.
std::vector<std::int64_t> sizes_of(const TrainingState& state) {
  std::vector<std::int64_t> sizes;
  for (const std::vector<double>& statistic : state.statistics) sizes.push_back(std::ssize(statistic));
  if (std::ranges::all_of(sizes, [](std::int64_t size) { return size == 1; })) sizes.clear();
  return sizes;
}

/// HDF5 does not notice a changed bit in numbers: this does.
class Digest {
 public:
  template <class T>
  void add(const std::vector<T>& values) {
    hash_ = XXH3_64bits_withSeed(values.data(), values.size() * sizeof(T), hash_);
  }
  void add(const std::string& text) { hash_ = XXH3_64bits_withSeed(text.data(), text.size(), hash_); }
  void add(const DataRecord& data) {
    add(to_string(data.train.contents));
    add(to_string(data.test.contents));
    add(data.init_from_hash);
  }
  void add(const TrainingState& state) {
    add(std::vector<std::int64_t>{state.iteration});
    add(numbers_of(state));
    if (const std::vector<std::int64_t> sizes = sizes_of(state); !sizes.empty()) add(sizes);
    for (const TrainingState::Param& param : state.params) {
      add(param.master);
      for (const std::vector<float>& history : param.history) add(history);
    }
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  XXH64_hash_t hash_ = 0;
};

std::uint64_t digest_of(const Checkpoint& checkpoint) {
  Digest digest;
  digest.add(checkpoint.state);
  if (checkpoint.best) digest.add(*checkpoint.best);
  digest.add(checkpoint.epoch_losses);
  digest.add(checkpoint.record.train);
  digest.add(checkpoint.record.test);
  for (const TopAccuracy& top : checkpoint.record.top) digest.add(top.tests);
  digest.add(checkpoint.record.iterations);
  if (checkpoint.record.data) digest.add(*checkpoint.record.data);
  return digest.value();
}

template <class T>
void write_plain(const h5::Group& group, const std::string& name, const std::vector<T>& values) {
  group.write(name, values, {static_cast<std::int64_t>(values.size())}, h5::Storage::kPlain);
}

void write_state(const h5::Group& group, const TrainingState& state) {
  group.attribute("iteration", state.iteration);
  write_plain(group, "ranges", numbers_of(state));
  if (const std::vector<std::int64_t> sizes = sizes_of(state); !sizes.empty()) write_plain(group, "statistics", sizes);
  for (std::size_t p = 0; p < state.params.size(); ++p) {
    const h5::Group param = group.create(std::to_string(p));
    write_plain(param, "master", state.params[p].master);
    for (std::size_t h = 0; h < state.params[p].history.size(); ++h)
      write_plain(param, "history" + std::to_string(h), state.params[p].history[h]);
  }
}

std::vector<std::vector<double>> read_statistics(const h5::Group& group) {
  const std::vector<double> numbers = group.read<double>("ranges");
  std::vector<std::int64_t> sizes(numbers.size(), 1);
  if (group.has("statistics")) sizes = group.read<std::int64_t>("statistics");
  std::vector<std::vector<double>> statistics;
  std::span<const double> left = numbers;
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > std::ssize(left)) group.fail("statistics", "names more numbers than there are");
    const std::span<const double> own = left.first(static_cast<std::size_t>(size));
    statistics.emplace_back(own.begin(), own.end());
    left = left.subspan(own.size());
  }
  return statistics;
}

TrainingState read_state(const h5::Group& group) {
  TrainingState state;
  state.iteration = group.number<std::int64_t>("iteration");
  state.statistics = read_statistics(group);
  for (std::size_t p = 0; group.has(std::to_string(p)); ++p) {
    const h5::Group param = group.open(std::to_string(p));
    TrainingState::Param& stored = state.params.emplace_back();
    stored.master = param.read<float>("master");
    for (std::size_t h = 0; param.has("history" + std::to_string(h)); ++h)
      stored.history.push_back(param.read<float>("history" + std::to_string(h)));
  }
  return state;
}

RunRecord read_record(const h5::Group& root, const std::string& path) {
  RunRecord record = read_summary(root, kFormat);
  const std::optional<RunFileName> name = parse_file_name(std::filesystem::path(path).filename().string());
  if (!name || hash_of(name->run_id) != hash_of(record.run_id))  // another sweep may give a run another name
    throw Error(path + ": a checkpoint of " + record.run_id);
  return record;
}

Checkpoint read_one(const std::string& path) {
  const h5::File file = h5::File::open(path);
  const h5::Group& root = file.root();
  Checkpoint checkpoint;
  checkpoint.record = read_record(root, path);
  checkpoint.state = read_state(root.open("state"));
  if (root.has("best")) checkpoint.best = read_state(root.open("best"));
  checkpoint.epoch_losses = root.read<float>("epoch_losses");
  checkpoint.epoch_seconds = root.number<double>("epoch_seconds");
  if (root.number<std::uint64_t>("digest") != digest_of(checkpoint))
    throw Error(path + ": damaged checkpoint (its digest differs)");
  return checkpoint;
}

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  h5::File file = h5::File::create(path);
  const h5::Group& root = file.root();
  write_summary(root, checkpoint.record, kFormat);
  write_state(root.create("state"), checkpoint.state);
  if (checkpoint.best) write_state(root.create("best"), *checkpoint.best);
  write_plain(root, "epoch_losses", checkpoint.epoch_losses);
  root.attribute("epoch_seconds", checkpoint.epoch_seconds);
  root.attribute("digest", digest_of(checkpoint));
  const std::vector<std::byte> bytes = std::move(file).image();
  if (std::rename(path.c_str(), previous_checkpoint(path).c_str()) != 0 && errno != ENOENT)
    fail_to_replace(previous_checkpoint(path), errno);
  fault_point("checkpoint.aside");
  write_atomically(path, bytes);
}

std::optional<Checkpoint> read_checkpoint(const std::string& path, std::vector<std::string>& problems) {
  for (const std::string& candidate : {path, previous_checkpoint(path)}) {
    if (!std::filesystem::exists(candidate)) continue;
    try {
      return read_one(candidate);
    } catch (const Unreadable&) {
      throw;
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  }
  return std::nullopt;
}

std::optional<RunRecord> read_checkpoint_record(const std::string& path) {
  for (const std::string& candidate : {path, previous_checkpoint(path)}) {
    if (!std::filesystem::exists(candidate)) continue;
    try {
      const h5::File file = h5::File::open(candidate);
      return read_record(file.root(), candidate);
    } catch (const Error&) {
      continue;
    }
  }
  return std::nullopt;
}

void remove_checkpoints(const std::string& path) {
  std::error_code code;
  std::filesystem::remove(path, code);
  fault_point("checkpoint.removed");
  std::filesystem::remove(previous_checkpoint(path), code);
}

}  // namespace qrun
