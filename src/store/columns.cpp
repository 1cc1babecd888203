#include "store/columns.h"

// The header-only form: one function, no library to link.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "config/defining.h"
#include "config/read.h"
#include "core/error.h"
#include "store/column.h"
#include "store/network_hash.h"

namespace qrun {
namespace {

using Runs = std::vector<const RunValues*>;

constexpr std::string_view kNetwork = "network.";
constexpr const char* kSeed = "seed";
constexpr const char* kUnread = "config";  // the column of a configuration that today's reader does not read

std::string short_hash(const std::string& text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size())).substr(0, 8);
}

/// Runs by the thousand have the same addresses and nearly the same texts.
std::string_view shared(const std::string& text) {
  static std::mutex mutex;
  static std::unordered_set<std::string> texts;
  const std::lock_guard lock(mutex);
  return *texts.insert(text).first;
}

std::string parent_of(const std::string& address) { return address.substr(0, address.rfind('.')); }

/// Numbers that were equal stay equal where a column agrees.
void refine(std::vector<int>& numbers, const Column& column) {
  std::map<std::pair<int, int>, int> known;
  for (std::size_t run = 0; run < numbers.size(); ++run)
    numbers[run] = known.try_emplace({numbers[run], column.cell(run)}, static_cast<int>(known.size())).first->second;
}

/// Chooses the columns one by one.
class Chooser {
 public:
  explicit Chooser(std::size_t runs) : group_(runs, 0) {}

  void take(const Column& column) {
    chosen_.push_back(&column);
    if (column.name() == kSeed) return;
    told_.insert(parent_of(column.name()));
    told_.insert(column.name());  // a whole map may have been swept
    refine(group_, column);
  }

  void consider(const Column& column) {
    if (!column.differs()) return;
    if (column.name() == kSeed || !follows(column)) return take(column);
    if (repeats_a_choice(column)) {
      told_.insert(parent_of(column.name()));
    } else if (!(column.is_one_where_present() && told_.contains(parent_of(column.name())))) {
      take(column);
    }
  }

  [[nodiscard]] const std::vector<const Column*>& chosen() const { return chosen_; }

 private:
  /// True where runs that agree in the columns so far, the seed apart, agree in this one.
  [[nodiscard]] bool follows(const Column& column) const {
    std::unordered_map<int, int> values;
    for (std::size_t run = 0; run < group_.size(); ++run) {
      if (column.cell(run) == Column::kUnknown) continue;
      if (values.try_emplace(group_[run], column.cell(run)).first->second != column.cell(run)) return false;
    }
    return true;
  }

  [[nodiscard]] bool repeats_a_choice(const Column& column) const {
    return std::ranges::any_of(chosen_, [&](const Column* choice) {
      if (choice->name() == kSeed) return false;
      for (std::size_t run = 0; run < group_.size(); ++run) {
        if (!column.has(run)) continue;
        if (!choice->has(run) || !repeats(column.text(run), choice->text(run))) return false;
      }
      return true;
    });
  }

  std::vector<const Column*> chosen_;
  std::vector<int> group_;      // of each run, by the columns so far
  std::set<std::string> told_;  // sections in which a column or its repetition lies
};

bool is_read(const RunValues& run) { return run.config.empty() || run.config.front().first != kUnread; }

/// The addresses of the types of all layers.
std::string layers_of(const RunValues& run) {
  std::string layers;
  for (const auto& [address, value] : run.config) {
    if (address.starts_with(kNetwork) && address.ends_with(".type")) layers.append(address).append("\n");
  }
  return layers;
}

/// The configurations side by side; of their networks all values, or one hash where they have other layers.
ColumnTable configs_of(const Runs& runs) {
  std::set<std::string> stacks;
  for (const RunValues* run : runs) {
    if (is_read(*run)) stacks.insert(layers_of(*run));
  }
  ColumnTable table(runs.size());
  for (std::size_t run = 0; run < runs.size(); ++run) {
    for (const auto& [address, text] : runs[run]->config) {
      if (stacks.size() <= 1 || !address.starts_with(kNetwork))
        table.set(run, std::string(address), std::string(text), Column::kAbsent);
    }
    if (stacks.size() > 1 && is_read(*runs[run]))
      table.set(run, "network", network_hash(runs[run]->config), Column::kAbsent);
  }
  for (Column& column : table.columns()) {
    for (std::size_t run = 0; run < runs.size() && column.name() != kUnread; ++run) {
      if (!is_read(*runs[run])) column.forget(run);
    }
  }
  return table;
}

/// A file of before there were hashes of data does not tell; a run without `products` used none.
ColumnTable origins_of(const Runs& runs) {
  ColumnTable table(runs.size());
  for (std::size_t run = 0; run < runs.size(); ++run) {
    for (const auto& [address, text] : runs[run]->origin)
      table.set(run, address, text, address.ends_with("hash") ? Column::kUnknown : Column::kAbsent);
  }
  return table;
}

/// Numbers that are equal where configurations are, the seed apart.
std::vector<int> configurations(const ColumnTable& configs, std::size_t runs) {
  std::vector<int> numbers(runs, 0);
  for (const Column& column : configs.columns()) {
    if (column.name() != kSeed && column.differs()) refine(numbers, column);
  }
  return numbers;
}

/// The text of a swept value, or nullptr.
const std::string* find(const Values& values, const std::string& address) {
  const auto at = std::ranges::find(values, address, &std::pair<std::string, std::string>::first);
  return at == values.end() ? nullptr : &at->second;
}

/// The column of the configurations that a variable stands for: it has each of its values, of which there are several.
const Column* what_repeats(const std::string& address, const Runs& runs, const ColumnTable& configs) {
  std::set<std::string> values;
  for (const RunValues* run : runs) {
    if (const std::string* own = find(run->swept, address)) values.insert(*own);
  }
  if (values.size() < 2) return nullptr;
  const auto at = std::ranges::find_if(configs.columns(), [&](const Column& column) {
    for (std::size_t run = 0; run < runs.size(); ++run) {
      const std::string* own = find(runs[run]->swept, address);
      if (own != nullptr && !(column.has(run) && column.text(run) == *own)) return false;
    }
    return true;
  });
  return at == configs.columns().end() ? nullptr : &*at;
}

/// A run that did not sweep a value has that of another one of the same configuration, or what its own says.
void add_swept(const std::string& address, const Runs& runs, const ColumnTable& configs,
               const std::vector<int>& numbers, ColumnTable& swept) {
  const Column* same_address = configs.find(address);
  const Column* config = same_address != nullptr ? same_address : what_repeats(address, runs, configs);
  std::map<int, std::string> texts;  // by configuration; of seeds, and where that is not read, by run
  const auto key = [&](std::size_t run) {
    return address == kSeed || !is_read(*runs[run]) ? -1 - static_cast<int>(run) : numbers[run];
  };
  for (std::size_t run = 0; run < runs.size(); ++run) {
    if (const std::string* own = find(runs[run]->swept, address)) texts.emplace(key(run), *own);
  }
  for (std::size_t run = 0; run < runs.size(); ++run) {
    const std::string* own = find(runs[run]->swept, address);
    if (const auto at = texts.find(key(run)); at != texts.end()) {
      const bool same = own == nullptr || repeats(*own, at->second);  // 1 and 1.0
      swept.set(run, address, same ? at->second : *own, Column::kAbsent);
    } else if (config != nullptr && config->has(run)) {
      swept.set(run, address, config->text(run), Column::kAbsent);
    }
  }
}

ColumnTable swept_of(const Runs& runs, const ColumnTable& configs) {
  const std::vector<int> numbers = configurations(configs, runs.size());
  ColumnTable swept(runs.size());
  for (const RunValues* run : runs) {
    for (const auto& [address, text] : run->swept) {
      if (swept.find(address) == nullptr) add_swept(address, runs, configs, numbers, swept);
    }
  }
  return swept;
}

}  // namespace

RunValues values_of(const RunRecord& record) {
  RunValues values{.swept = record.swept, .config = {}, .origin = record.origin};
  try {
    for (const auto& [address, text] : defining_values(read_run_text(record.config, record.run_id)))
      values.config.emplace_back(shared(address), shared(text));
  } catch (const ConfigError&) {  // of a later program, or damaged
    values.config = {{kUnread, shared(short_hash(record.config))}};
  }
  return values;
}

std::vector<Values> columns_of(const Runs& runs) {
  const ColumnTable configs = configs_of(runs);
  const ColumnTable origins = origins_of(runs);
  const ColumnTable swept = swept_of(runs, configs);
  Chooser chooser(runs.size());
  for (const Column& column : swept.columns()) chooser.take(column);
  for (const ColumnTable* table : {&configs, &origins}) {
    for (const Column& column : table->columns()) {
      if (swept.find(column.name()) == nullptr) chooser.consider(column);
    }
  }
  std::vector<Values> cells(runs.size());
  for (const Column* column : chooser.chosen()) {
    for (std::size_t run = 0; run < runs.size(); ++run) {
      if (column->has(run)) cells[run].emplace_back(column->name(), column->text(run));
    }
  }
  return cells;
}

}  // namespace qrun
