#include "config/sweep/sweep.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "config/sweep/axis.h"
#include "config/sweep/distribution.h"
#include "config/sweep/exclude.h"
#include "config/table/field.h"
#include "config/yaml/names.h"

namespace qrun::config {
namespace {

const std::vector<std::string> kFactors = {"grid", "zip", "list", "random", "seeds", "union", "exclude"};

/// Nodes of the values of all points, long texts counted by their length.
std::size_t weigh(const std::vector<Point>& points) {
  constexpr std::size_t kBytes = 64;  // of text, for a node
  std::size_t weight = 0;
  for (const Point& point : points) {
    for (const Assignment& assignment : point)
      weight += count_nodes(assignment.value) + assignment.value.scalar.size() / kBytes;
  }
  return weight;
}

struct RandomSpec {
  std::uint64_t trials = 0;
  std::uint64_t seed = 0;
  const Node* space = nullptr;  // the axes
};

void read_space(RandomSpec& random, const Value& value) {
  if (!value.node.is_map() || value.node.entries.empty())
    return value.fail("is not a map; write {address: {choice: [...]}}");
  random.space = &value.node;
}

constexpr auto kRandomFields =
    fields(integer<&RandomSpec::trials>("trials", "how many points to draw", Role::kNumber, {1, kMostRuns}).required(),
           integer<&RandomSpec::seed>("seed", "what they are drawn from", Role::kNumber, kSeeds),
           field<RandomSpec>("space", "what to draw from; write {address: {choice: [...]}}", Role::kNumber)
               .read_by<read_space>()
               .required());

class Expander {
 public:
  Expander(const BaseSeed& base_seed, Problems& problems) : base_seed_(base_seed), problems_(problems) {}

  std::vector<Point> sweep(const Value& value) {
    if (value.node.is_null()) return {{}};
    if (!value.node.is_map()) {
      value.fail_kind("a map of grid, zip, list, random, seeds, union, exclude is wanted");
      return {};
    }
    std::vector<Point> points = {{}};
    for (const Entry& entry : value.node.entries) {
      if (entry.key == "exclude" || entry.value.is_null()) continue;
      const std::vector<Point> factor = this->factor(entry, value);
      if (!fits(points, factor, entry.key_at, value)) return {};
      points = product(points, factor);
    }
    const Node* exclude = value.node.find("exclude");
    if (exclude != nullptr && !exclude->is_null()) {
      result_.points = std::move(points);
      drop_excluded(value.below("exclude", *exclude), result_);
      points = std::move(result_.points);
    }
    return points;
  }

  /// All points, and what was found on the way.
  Points all(const Node& node) {
    std::vector<Point> points = sweep({node, problems_, "sweep"});
    result_.points = std::move(points);
    return std::move(result_);
  }

 private:
  /// More runs than anyone wants, or than memory holds, are a mistake, found before they are made.
  bool fits(const std::vector<Point>& outer, const std::vector<Point>& inner, const Position& at, const Value& value) {
    const std::size_t a = outer.size();
    const std::size_t b = inner.size();
    if (b > 0 && a > kMostRuns / b) {
      problems_.add(at, value.address(),
                    std::to_string(a) + " x " + std::to_string(b) + " runs; at most " + std::to_string(kMostRuns));
      return false;
    }
    const std::size_t values = weigh(outer) * b + weigh(inner) * a;
    if (values <= kMostValues) return true;
    problems_.add(at, value.address(),
                  std::to_string(values) + " values in all runs; at most " + std::to_string(kMostValues) +
                      ", so give large values names under vars, and sweep the names");
    return false;
  }

  static std::vector<Point> product(const std::vector<Point>& outer, const std::vector<Point>& inner) {
    std::vector<Point> points;
    points.reserve(outer.size() * inner.size());
    for (const Point& a : outer) {
      for (const Point& b : inner) {
        Point& point = points.emplace_back(a);
        point.insert(point.end(), b.begin(), b.end());
      }
    }
    return points;
  }

  std::vector<Point> factor(const Entry& entry, const Value& sweep) {
    const Value value = sweep.below(entry.key, entry.value);
    if (entry.key == "grid") return grid(value);
    if (entry.key == "zip") return zip(value);
    if (entry.key == "list") return list(value);
    if (entry.key == "random") return random(value);
    if (entry.key == "seeds") return seeds(value, entry.key_at);
    if (entry.key == "union") return join(value);
    problems_.add(entry.key_at, value.address(), "unknown key; " + suggest(entry.key, kFactors));
    return {};
  }

  bool is_map(const Value& value, const char* wanted) {
    if (value.node.is_map() && !value.node.entries.empty()) return true;
    value.fail(std::string("is not a map; write ") + wanted);
    return false;
  }

  /// One point for each value of the axis.
  std::vector<Point> axis(const Entry& entry, const Value& factor) {
    std::vector<Point> points;
    for (Node& node : axis_values(factor.below(entry.key, entry.value)))
      points.push_back({{entry.key, entry.key_at, std::move(node)}});
    return points;
  }

  std::vector<Point> grid(const Value& value) {
    if (!is_map(value, "{address: [values]}")) return {};
    std::vector<Point> points = {{}};
    for (const Entry& entry : value.node.entries) {
      const std::vector<Point> values = axis(entry, value);
      if (!fits(points, values, entry.key_at, value)) return {};
      points = product(points, values);
    }
    return points;
  }

  std::vector<Point> zip(const Value& value) {
    if (!is_map(value, "{address: [values], address: [values]}")) return {};
    std::vector<Point> points;
    for (const Entry& entry : value.node.entries) {
      const std::vector<Point> values = axis(entry, value);
      if (values.empty()) return {};
      if (points.empty()) points.resize(values.size());
      if (values.size() != points.size()) {
        problems_.add(entry.key_at, value.below(entry.key, entry.value).address(),
                      "has " + std::to_string(values.size()) + " values, the axes before it " +
                          std::to_string(points.size()) + "; zipped axes have one length");
        return {};
      }
      for (std::size_t i = 0; i < points.size(); ++i) points[i].push_back(values[i][0]);
    }
    return points;
  }

  std::vector<Point> list(const Value& value) {
    if (!value.node.is_list() || value.node.items.empty()) {
      value.fail("is not a list of points; write [{address: value, ...}, ...]");
      return {};
    }
    std::vector<Point> points;
    for (std::size_t i = 0; i < value.node.items.size(); ++i) {
      const Value item = value.item(i);
      if (!is_map(item, "{address: value, ...}")) continue;
      Point& point = points.emplace_back();
      for (const Entry& entry : item.node.entries) point.push_back({entry.key, entry.key_at, entry.value});
    }
    return points;
  }

  [[nodiscard]] std::vector<Point> seeds(const Value& value, const Position& at) const {
    const std::uint64_t count = read_integer(value, {1, kMostRuns}).value_or(0);
    const std::optional<std::uint64_t> first = base_seed_();
    std::vector<Point> points;
    if (!first) return points;
    if (count > 0 && *first > std::numeric_limits<std::uint64_t>::max() - (count - 1)) {
      value.fail(std::to_string(count) + " seeds from " + std::to_string(*first) + " go beyond 2^64 - 1; start lower");
      return points;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      Node seed = plain_node(std::to_string(*first + i));
      seed.at = value.node.at;
      points.push_back({{"seed", at, std::move(seed)}});
    }
    return points;
  }

  std::vector<Point> join(const Value& value) {
    if (!value.node.is_list() || value.node.items.empty()) {
      value.fail("is not a list of sweeps; write [{grid: ...}, {zip: ...}]");
      return {};
    }
    std::vector<Point> points;
    for (std::size_t i = 0; i < value.node.items.size(); ++i) {
      const Value item = value.item(i);
      const std::vector<Point> part = sweep(item);
      if (points.size() + part.size() > kMostRuns) {
        item.fail("more than " + std::to_string(kMostRuns) + " runs with those before it; split the sweep");
        return {};
      }
      points.insert(points.end(), part.begin(), part.end());
    }
    return points;
  }

  std::vector<Point> random(const Value& value) {
    if (!is_map(value, "{trials: N, seed: S, space: {address: {log_uniform: [a, b]}}}")) return {};
    RandomSpec random;
    read_fields(value, kRandomFields, random);
    std::vector<Point> points(random.trials);
    if (random.space == nullptr) return points;
    const Value space = value.below("space", *random.space);
    for (std::size_t a = 0; a < space.node.entries.size(); ++a) {
      const Entry& entry = space.node.entries[a];
      const Value axis = space.below(entry.key, entry.value);
      const Draw draw = read_distribution(axis);
      for (std::uint64_t i = 0; draw && i < random.trials; ++i) {
        Node drawn = draw(random.seed, a, i);
        drawn.at = entry.value.at;
        drawn.origin = axis.address();  // however many trials draw a wrong value, it is one mistake
        points[i].push_back({entry.key, entry.key_at, std::move(drawn)});
      }
    }
    return points;
  }

  const BaseSeed& base_seed_;
  Points result_;
  Problems& problems_;
};

}  // namespace

Points expand(const Node& sweep, const BaseSeed& base_seed, Problems& problems) {
  Expander expander(base_seed, problems);
  Points result = expander.all(sweep);
  if (result.points.empty() && problems.empty()) problems.add(sweep, "sweep", "excludes all of its points; keep one");
  return result;
}

bool put_axis(Node& root, const Assignment& axis, bool only_existing, Problems& problems) {
  Node* sweep = root.find("sweep");
  Node* grid = sweep != nullptr && sweep->is_map() ? sweep->find("grid") : nullptr;
  Node* old = grid != nullptr && grid->is_map() ? grid->find(axis.address) : nullptr;
  if (old != nullptr) {
    *old = axis.value;
    return true;
  }
  if (only_existing) return false;
  const auto map_of = [&](Node& parent, const char* key) -> Node& {
    Node* found = parent.find(key);
    if (found == nullptr) parent.add(key, Node{}, axis.at);
    Node& node = *parent.find(key);
    if (node.is_null()) {
      node = map_node({});
      node.at = axis.at;
    }
    if (node.is_scalar() && node.scalar.find("${") != std::string::npos) {
      problems.add(axis.at, axis.address,
                   std::string(key) + " is " + node.scalar + " here, which takes no further axis; set it as a whole");
    }
    return node;
  };
  map_of(map_of(root, "sweep"), "grid").add(axis.address, axis.value, axis.at);
  return true;
}

Node schema_of_sweep() {
  const auto some = [](const char* type) { return or_variable(or_null(map_node({{"type", text_node(type)}}))); };
  Node count = schema_of_integer({1, kMostRuns});
  Node properties = map_node({{"grid", some("object")},
                              {"zip", some("object")},
                              {"list", some("array")},
                              {"random", some("object")},
                              {"seeds", or_variable(or_null(std::move(count)))},
                              {"union", some("array")},
                              {"exclude", some("array")}});
  return map_node({{"type", list_node({text_node("object"), text_node("null")})},
                   {"properties", std::move(properties)},
                   {"additionalProperties", plain_node("false")}});
}

}  // namespace qrun::config
