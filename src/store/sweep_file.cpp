#include "store/sweep_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <type_traits>

#include "core/atomic_file.h"
#include "core/error.h"
#include "store/count_once.h"
#include "store/foreign.h"
#include "store/h5.h"
#include "store/network_json.h"
#include "store/run_summary.h"
#include "store/typed_value.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct Row {
  std::string file;
  const RunRecord* record = nullptr;
  const RunValues* values = nullptr;
  Values columns = {};
};
using Rows = std::vector<Row>;

/// A column of `/summary`.
template <class T>
struct SummaryColumn {
  const char* name;
  T (*value)(const RunRecord&);
};

constexpr std::tuple kSummary(
    SummaryColumn<std::string>{"run_id", [](const RunRecord& run) { return run.run_id; }},
    SummaryColumn<std::string>{"status", [](const RunRecord& run) { return std::string(name_of(run.status)); }},
    SummaryColumn<double>{"final_test_accuracy", [](const RunRecord& run) { return run.final_test_accuracy; }},
    SummaryColumn<double>{"best_test_accuracy", [](const RunRecord& run) { return run.best_test_accuracy; }},
    SummaryColumn<double>{"final_test_loss", [](const RunRecord& run) { return run.final_test_loss; }},
    SummaryColumn<double>{"wall_seconds", [](const RunRecord& run) { return run.wall_seconds; }},
    SummaryColumn<std::int64_t>{"model_bits",
                                [](const RunRecord& run) { return network_total(run.network_json, "model_bits"); }});

template <class T, class Get>
void write_column(const h5::Group& group, const std::string& name, const Rows& rows, const Get& get) {
  std::vector<T> values;
  for (const Row& row : rows) values.push_back(get(row));
  if constexpr (std::is_same_v<T, std::string>) {
    group.write(name, values);
  } else {
    group.write(name, values, {std::ssize(values)});
  }
  group.label(name, {"run_id"});
}

/// The YAML text of a column, "" where this run has none.
std::string text_of(const Row& row, const std::string& address) {
  const auto at = std::ranges::find(row.columns, address, &std::pair<std::string, std::string>::first);
  return at == row.columns.end() ? "" : at->second;
}

double number_of(const TypedValue& value) {
  return std::visit(
      [](const auto& v) {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
          return kMissing;
        } else {
          return static_cast<double>(v);
        }
      },
      value);
}

/// Writes a column in the narrowest type that holds the values of all runs: flags, integers, reals (a run without one:
/// NaN), texts.
void write_typed(const h5::Group& group, const std::string& address, const Rows& rows) {
  const auto typed = [&](const Row& row) { return typed_value(text_of(row, address)); };
  const auto all = [&](const auto& holds) {
    return std::ranges::all_of(rows, [&](const Row& row) { return holds(typed(row), text_of(row, address)); });
  };
  const auto is_unsigned = [](const TypedValue& value, const std::string&) {
    const auto* integer = std::get_if<std::int64_t>(&value);
    return integer != nullptr ? *integer >= 0 : std::holds_alternative<std::uint64_t>(value);
  };
  const auto is_real = [](const TypedValue& value, const std::string& text) {
    return text.empty() || !std::holds_alternative<std::string>(value);
  };
  if (all([](const TypedValue& v, const std::string&) { return std::holds_alternative<std::int8_t>(v); })) {
    write_column<std::int8_t>(group, address, rows, [&](const Row& row) { return std::get<std::int8_t>(typed(row)); });
  } else if (all([](const TypedValue& v, const std::string&) { return std::holds_alternative<std::int64_t>(v); })) {
    write_column<std::int64_t>(group, address, rows,
                               [&](const Row& row) { return std::get<std::int64_t>(typed(row)); });
  } else if (all(is_unsigned)) {
    write_column<std::uint64_t>(group, address, rows, [&](const Row& row) {
      const TypedValue value = typed(row);
      const auto* beyond = std::get_if<std::uint64_t>(&value);
      return beyond != nullptr ? *beyond : static_cast<std::uint64_t>(std::get<std::int64_t>(value));
    });
  } else if (all(is_real)) {
    write_column<double>(group, address, rows, [&](const Row& row) { return number_of(typed(row)); });
  } else {
    write_column<std::string>(group, address, rows, [&](const Row& row) {
      const TypedValue value = typed(row);
      return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : text_of(row, address);
    });
  }
}

const TopAccuracy* find_top(const RunRecord& run, std::int64_t k) {
  const auto at = std::ranges::find(run.top, k, &TopAccuracy::k);
  return at == run.top.end() ? nullptr : &*at;
}

/// Of all runs.
std::set<std::int64_t> ks_of(const Rows& rows) {
  std::set<std::int64_t> ks;
  for (const Row& row : rows) {
    for (const TopAccuracy& top : row.record->top) ks.insert(top.k);
  }
  return ks;
}

void write_summary_columns(const h5::Group& root, const Rows& rows) {
  const h5::Group group = root.create("summary");
  for_each_row(kSummary, [&](const auto& column) {
    using T = std::invoke_result_t<decltype(column.value), const RunRecord&>;
    write_column<T>(group, column.name, rows, [&](const Row& row) { return column.value(*row.record); });
  });
  for (const std::int64_t k : ks_of(rows)) {
    write_column<double>(group, final_top_name(k), rows, [k](const Row& row) {
      const TopAccuracy* top = find_top(*row.record, k);
      return top == nullptr ? kMissing : top->final_test;
    });
  }
  std::vector<std::string> addresses;  // in order of appearance
  for (const Row& row : rows) {
    for (const auto& [address, text] : row.columns) {
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
  }
  for (const std::string& address : addresses) write_typed(group, address, rows);
}

/// Writes a curve [run, epoch]; missing epochs are NaN.
template <class Point, class T>
void write_curve(const h5::Group& group, const std::string& name, const Rows& rows, std::int64_t epochs,
                 std::vector<Point> RunRecord::*points, T Point::*value) {
  std::vector<double> values(static_cast<std::size_t>(std::ssize(rows) * epochs), kMissing);
  for (std::size_t run = 0; run < rows.size(); ++run) {
    for (const Point& point : rows[run].record->*points) {
      if (point.epoch < epochs)
        values[run * static_cast<std::size_t>(epochs) + static_cast<std::size_t>(point.epoch)] =
            static_cast<double>(point.*value);
    }
  }
  group.write(name, values, {std::ssize(rows), epochs});
  group.label(name, {"run_id", "epoch"});
}

/// The same of the accuracies of tests.
void write_top_curve(const h5::Group& group, std::int64_t k, const Rows& rows, std::int64_t epochs) {
  std::vector<double> values(static_cast<std::size_t>(std::ssize(rows) * epochs), kMissing);
  for (std::size_t run = 0; run < rows.size(); ++run) {
    const std::vector<TestPoint>& tests = rows[run].record->test;
    const TopAccuracy* top = find_top(*rows[run].record, k);
    for (std::size_t i = 0; top != nullptr && i < tests.size(); ++i) {
      if (tests[i].epoch < epochs)
        values[run * static_cast<std::size_t>(epochs) + static_cast<std::size_t>(tests[i].epoch)] = top->tests[i];
    }
  }
  const std::string name = "test_" + top_name(k);
  group.write(name, values, {std::ssize(rows), epochs});
  group.label(name, {"run_id", "epoch"});
}

void write_curves(const h5::Group& root, const Rows& rows) {
  std::int64_t epochs = 0;
  for (const Row& row : rows) {
    for (const TrainPoint& point : row.record->train) epochs = std::max(epochs, point.epoch + 1);
  }
  const h5::Group group = root.create("metrics");
  std::vector<std::int64_t> axis;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) axis.push_back(epoch);
  group.write("epoch", axis, {epochs});
  write_column<std::string>(group, "run_id", rows, [](const Row& row) { return row.record->run_id; });
  const auto write = [&](const auto& points, const auto& table) {
    for_each_row(table, [&](const auto& metric) {
      if (metric.curve == nullptr) return;
      write_curve(group, metric.curve, rows, epochs, points, metric.member);
    });
  };
  write(&RunRecord::train, kTrainMetrics);
  write(&RunRecord::test, kTestMetrics);
  for (const std::int64_t k : ks_of(rows)) write_top_curve(group, k, rows, epochs);
}

/// A name that HDF5 doesn't take costs the link alone: the numbers are there.
void write_links(const h5::Group& root, const Rows& rows, std::vector<std::string>& problems) {
  const h5::Group links = root.create("runs");
  for (const Row& row : rows) {
    const std::string& id = row.record->run_id;
    if (id.empty() || id == "." || id.find('/') != std::string::npos) {
      problems.push_back(row.file + ": its run_id \"" + id + "\" is no name of a link");
    } else {
      (void)links.link({.name = id, .type = H5L_TYPE_EXTERNAL, .file = row.file, .path = "/"});
    }
  }
}

Rows once(Rows rows, const std::string& folder, std::vector<std::string>& notes) {
  std::vector<RunCopy> files;
  for (const Row& row : rows) {
    files.push_back({.path = folder + "/" + row.file,
                     .run_id = row.record->run_id,
                     .status = row.record->status,
                     .started = row.record->started,
                     .finished = row.record->finished,
                     .wall_seconds = row.record->wall_seconds});
  }
  CountedOnce counted = count_once(files);
  notes = std::move(counted.notes);
  Rows kept;
  for (const std::size_t i : counted.kept) kept.push_back(std::move(rows[i]));
  return kept;
}

}  // namespace

/// What has changed in the folder since the last time.
std::vector<std::string> SweepFile::read() {
  std::vector<std::string> problems;
  std::set<std::string> present;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(layout_.folder(), code)) {
    const std::string name = entry.path().filename().string();
    if (!may_be_run_file(name) || !entry.is_regular_file(code)) continue;
    const auto changed = entry.last_write_time(code);
    const std::uintmax_t bytes = entry.file_size(code);
    if (code) continue;  // it has gone
    present.insert(name);
    const auto at = seen_.find(name);
    if (at != seen_.end() && at->second.changed == changed && at->second.bytes == bytes) continue;
    try {
      Seen seen{changed, bytes, read_run(entry.path().string(), ReadDepth::kSummary), {}};
      seen.values = values_of(seen.record);
      seen.record.config.clear();  // the values have it
      seen_[name] = std::move(seen);
    } catch (const Error& error) {
      seen_.erase(name);
      if (!is_foreign(entry.path().string(), error)) problems.emplace_back(error.what());
    }
  }
  std::erase_if(seen_, [&](const auto& item) { return !present.contains(item.first); });
  return problems;
}

LeftOut SweepFile::update() {
  LeftOut left_out{.problems = read(), .notes = {}};
  Rows rows;
  for (const auto& [name, seen] : seen_) rows.push_back({name, &seen.record, &seen.values});
  rows = once(std::move(rows), layout_.folder(), left_out.notes);
  std::vector<const RunValues*> values;
  for (const Row& row : rows) values.push_back(row.values);
  std::vector<Values> columns = columns_of(values);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].columns = std::move(columns[i]);
  h5::File file = h5::File::create(path());
  const h5::Group& root = file.root();
  root.attribute("format", "qrun-sweep");
  root.attribute("format_version", kFormatVersion);
  root.attribute("name", rows.empty() ? std::string() : rows[0].record->name);
  write_summary_columns(root, rows);
  write_curves(root, rows);
  write_links(root, rows, left_out.problems);
  write_atomically(path(), std::move(file).image());
  return left_out;
}

}  // namespace qrun
