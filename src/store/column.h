// Values of many runs side by side, by their addresses.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace qrun {

/// One address over all runs. Texts have numbers, by which runs are compared.
class Column {
 public:
  static constexpr int kUnknown = -1, kAbsent = 0;

  Column(std::string name, std::size_t runs, int missing) : name_(std::move(name)), cells_(runs, missing) {}

  void set(std::size_t run, const std::string& text);
  void forget(std::size_t run) { cells_[run] = kUnknown; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int cell(std::size_t run) const { return cells_[run]; }
  [[nodiscard]] bool has(std::size_t run) const { return cells_[run] > kAbsent; }
  [[nodiscard]] const std::string& text(std::size_t run) const { return texts_[static_cast<std::size_t>(cells_[run])]; }
  /// True where runs differ; what is not known differs from nothing.
  [[nodiscard]] bool differs() const;
  [[nodiscard]] bool is_one_where_present() const { return texts_.size() == 2; }

 private:
  std::string name_;
  std::vector<int> cells_;
  std::vector<std::string> texts_{""};
  std::unordered_map<std::string, int> known_;
};

/// All addresses of all runs, in order of appearance.
class ColumnTable {
 public:
  explicit ColumnTable(std::size_t runs) : runs_(runs) {}

  /// `missing` is what the runs have that no text is set for.
  void set(std::size_t run, const std::string& address, const std::string& text, int missing);
  [[nodiscard]] std::vector<Column>& columns() { return columns_; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] const Column* find(const std::string& address) const;

 private:
  std::size_t runs_;
  std::vector<Column> columns_;
  std::map<std::string, std::size_t> index_;
};

/// True where a value of a configuration is the one that was swept: the same, in other words, with something around it
/// (`data/${name}/train`), or a part of it (a map was swept).
[[nodiscard]] bool repeats(const std::string& text, const std::string& swept);

}  // namespace qrun
