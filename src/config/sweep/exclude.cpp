#include "config/sweep/exclude.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "config/yaml/emit.h"
#include "config/yaml/scalars.h"

namespace qrun::config {
namespace {

/// Returns a text that is equal for two values that mean the same: equal text, or equal numbers.
std::string meaning(const Node& node) {
  constexpr std::uint64_t kExact = std::uint64_t{1} << 53;  // whole numbers that a double tells apart
  const bool is_plain = node.is_scalar() && !node.quoted;
  const std::optional<Integer> integer = is_plain ? parse_integer(node.scalar) : std::nullopt;
  if (integer && !integer->too_large && integer->magnitude > kExact)
    return (integer->negative ? "-" : "") + std::to_string(integer->magnitude);
  const std::optional<double> number = is_plain ? parse_number(node.scalar) : std::nullopt;
  return number ? format_number(*number == 0 ? 0.0 : *number) : emit_inline(node);
}

/// Entries that name the same addresses, found by what they want there.
struct Group {
  std::vector<std::string> addresses;  // sorted
  std::unordered_multimap<std::string, std::size_t> entries;
};

void append(std::string& key, const std::string& value) { key += std::to_string(value.size()) + ":" + value; }

std::vector<Group> group(const Value& exclude) {
  std::map<std::vector<std::string>, Group> groups;
  for (std::size_t i = 0; i < exclude.node.items.size(); ++i) {
    const Value item = exclude.item(i);
    if (!item.node.is_map() || item.node.entries.empty()) {
      item.fail("is not a map; write {address: value, ...}");
      continue;
    }
    std::map<std::string, std::string> wanted;
    for (const Entry& entry : item.node.entries) wanted[entry.key] = meaning(entry.value);
    std::vector<std::string> addresses;
    std::string key;
    for (const auto& [address, value] : wanted) {
      addresses.push_back(address);
      append(key, value);
    }
    Group& group = groups[addresses];
    group.addresses = addresses;
    group.entries.emplace(key, i);
  }
  std::vector<Group> list;
  for (auto& [addresses, group] : groups) list.push_back(std::move(group));
  return list;
}

/// Whether an address that no point has means anything is for the reader of the document to say.
void keep_unknown(const Node& exclude, Points& points) {
  std::set<std::string> known;
  for (const Point& point : points.points) {
    for (const Assignment& assignment : point) known.insert(assignment.address);
  }
  for (const Node& item : exclude.items) {
    for (const Entry& entry : item.entries) {
      if (known.insert(entry.key).second) points.only_excluded.push_back({entry.key, entry.key_at, entry.value});
    }
  }
}

/// What the point has at the addresses; nothing where it lacks one.
std::optional<std::string> key_of(const Point& point, const std::vector<std::string>& addresses) {
  std::string key;
  for (const std::string& address : addresses) {
    const auto at = std::ranges::find(point, address, &Assignment::address);
    if (at == point.end()) return std::nullopt;
    append(key, meaning(at->value));
  }
  return key;
}

}  // namespace

void drop_excluded(const Value& exclude, Points& points) {
  if (!exclude.node.is_list()) return exclude.fail("is not a list; write [{address: value, ...}, ...]");
  const std::vector<Group> groups = group(exclude);
  keep_unknown(exclude.node, points);
  std::vector<bool> has_matched(exclude.node.items.size());
  std::erase_if(points.points, [&](const Point& point) {
    bool drops = false;
    for (const Group& group : groups) {
      const std::optional<std::string> key = key_of(point, group.addresses);
      if (!key) continue;
      const auto [first, last] = group.entries.equal_range(*key);
      for (auto entry = first; entry != last; ++entry) has_matched[entry->second] = drops = true;
    }
    return drops;
  });
  for (std::size_t i = 0; i < has_matched.size(); ++i) {
    const Value item = exclude.item(i);
    if (!has_matched[i])
      points.warnings.push_back(mistake_line(item.node.at, item.address(), "matches no point of the sweep"));
  }
}

}  // namespace qrun::config
