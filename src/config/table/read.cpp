#include <algorithm>

#include "config/table/row.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

bool is_one_of(std::span<const char* const> names, const std::string& text) {
  return std::ranges::any_of(names, [&](const char* name) { return text == name; });
}

void report_missing(const Value& map, const Row& row) {
  map.problems.add(map.node, key_address(map.address(), row.name), std::string("is missing; ").append(row.about));
}

class MapReader {
 public:
  MapReader(const Value& map, std::span<const Part> parts) : map_(map), parts_(parts) {}

  void read() {
    for (const Part& part : parts_) {
      for (const Row& row : part.rows) read(row, part.object);
    }
    for (const Entry& entry : map_.node.entries) {
      if (is_known(entry.key)) continue;
      map_.problems.add(entry.key_at, key_address(map_.address(), entry.key),
                        "unknown key; " + suggest(entry.key, names()));
    }
  }

 private:
  void read(const Row& row, void* object) {
    const Node* found = map_.node.find(row.name);
    if (is_unused(row, object)) {
      if (found != nullptr && !found->is_null()) row.read_aside(row, object, map_.below(row.name, *found));
    } else if (found == nullptr) {
      leave_out(row, object);
    } else if (!found->is_null() || !(row.is_nullable || is_refused(row, object))) {
      read_given(row, object, *found);
    }
  }

  void leave_out(const Row& row, void* object) {
    if (is_wanted(row, object) && !is_misspelt(row)) report_missing(map_, row);
    if (row.complete != nullptr) row.complete(object);
  }

  void read_given(const Row& row, void* object, const Node& node) {
    const Value value = map_.below(row.name, node);
    if (is_refused(row, object)) return map_.problems.add(node, value.address(), row.refusal(object));
    if (row.decides) decided_ = node.is_scalar() && is_one_of(row.names, node.scalar);
    if (row.position != nullptr) *row.position(object) = node.at;
    row.read(row, object, value);
  }

  static bool is_refused(const Row& row, const void* object) {
    return row.is_refused != nullptr && row.is_refused(object);
  }
  [[nodiscard]] bool is_unused(const Row& row, const void* object) const {
    return row.is_unused != nullptr && decided_ && row.is_unused(object);
  }
  [[nodiscard]] bool is_wanted(const Row& row, const void* object) const {
    const bool is_known = row.is_unused == nullptr || decided_;
    return is_known && row.is_required != nullptr && row.is_required(object) && !is_refused(row, object);
  }

  [[nodiscard]] bool is_known(const std::string& key) const {
    return std::ranges::any_of(parts_, [&](const Part& part) {
      return std::ranges::any_of(part.rows, [&](const Row& row) { return key == row.name; });
    });
  }

  /// The keys that may be given here.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Part& part : parts_) {
      for (const Row& row : part.rows) {
        if (!is_refused(row, part.object) && !is_unused(row, part.object)) names.emplace_back(row.name);
      }
    }
    return names;
  }

  /// True where an unknown key of the map reads like the row's: that mistake is reported there, and once is enough.
  [[nodiscard]] bool is_misspelt(const Row& row) const {
    const std::string meant = std::string("did you mean ") + row.name + "?";
    return std::ranges::any_of(map_.node.entries, [&](const Entry& entry) {
      return !is_known(entry.key) && suggest(entry.key, names()) == meant;
    });
  }

  const Value& map_;
  std::span<const Part> parts_;
  bool decided_ = true;
};

}  // namespace

void read_parts(const Value& map, std::span<const Part> parts) {
  if (!map.node.is_map() && !map.node.is_null()) return map.fail_kind("a map of keys and values is wanted");
  MapReader(map, parts).read();
}

void read_required(const Value& map, const Row& row, void* object) {
  const Node* found = map.node.find(row.name);
  if (found == nullptr) return report_missing(map, row);
  row.read(row, object, map.below(row.name, *found));
}

}  // namespace qrun::config
