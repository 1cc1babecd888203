#include "spec/sweep.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "core/rng.h"
#include "spec/axis.h"
#include "spec/emit.h"
#include "spec/names.h"
#include "spec/scalars.h"

namespace qrun::spec {
namespace {

const std::vector<std::string> kFactors = {"grid", "zip", "list", "random", "seeds", "union", "exclude"};

/// Two values that mean the same: equal text, or equal numbers.
bool same_value(const Node& a, const Node& b) {
  if (emit_inline(a) == emit_inline(b)) return true;
  if (!a.is_scalar() || !b.is_scalar() || a.quoted || b.quoted) return false;
  const std::optional<Integer> x = parse_integer(a.scalar);
  const std::optional<Integer> y = parse_integer(b.scalar);
  if (x && y) return x->magnitude == y->magnitude && x->negative == y->negative;
  const std::optional<double> p = parse_number(a.scalar);
  const std::optional<double> q = parse_number(b.scalar);
  return p && q && *p == *q;
}

class Expander {
 public:
  Expander(std::uint64_t seed, Problems& problems) : seed_(seed), problems_(problems) {}

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
      if (!fits(points.size(), factor.size(), entry.key_at, value.address)) return {};
      points = product(points, factor);
    }
    const Node* exclude = value.node.find("exclude");
    if (exclude != nullptr && !exclude->is_null()) drop({*exclude, value.address + ".exclude", problems_}, points);
    return points;
  }

  std::vector<std::string> warnings;

 private:
  /// More runs than anyone wants are a mistake, found before they are made.
  bool fits(std::size_t a, std::size_t b, const Position& at, const std::string& address) {
    if (b == 0 || a <= kMostRuns / b) return true;
    problems_.add(at, address,
                  std::to_string(a) + " x " + std::to_string(b) + " runs; at most " + std::to_string(kMostRuns));
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
    const Value value{entry.value, sweep.address + "." + entry.key, problems_};
    if (entry.key == "grid") return grid(value);
    if (entry.key == "zip") return zip(value);
    if (entry.key == "list") return list(value);
    if (entry.key == "random") return random(value);
    if (entry.key == "seeds") return seeds(value, entry.key_at);
    if (entry.key == "union") return join(value);
    problems_.add(entry.key_at, value.address, "unknown key; " + suggest(entry.key, kFactors));
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
    for (Node& node : axis_values({entry.value, factor.address + "." + entry.key, problems_}))
      points.push_back({{entry.key, entry.key_at, std::move(node)}});
    return points;
  }

  std::vector<Point> grid(const Value& value) {
    if (!is_map(value, "{address: [values]}")) return {};
    std::vector<Point> points = {{}};
    for (const Entry& entry : value.node.entries) {
      const std::vector<Point> values = axis(entry, value);
      if (!fits(points.size(), values.size(), entry.key_at, value.address)) return {};
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
        problems_.add(entry.key_at, value.address + "." + entry.key,
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
    const std::optional<std::uint64_t> count = read_integer(value, {1, kMostRuns});
    std::vector<Point> points;
    for (std::uint64_t i = 0; count && i < *count; ++i) {
      Node seed = plain_node(std::to_string(seed_ + i));
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
      const std::vector<Point> part = sweep(value.item(i));
      points.insert(points.end(), part.begin(), part.end());
    }
    return points;
  }

  std::vector<Point> random(const Value& value) {
    std::uint64_t trials = 0;
    std::uint64_t seed = 0;
    const Node* space = nullptr;
    if (!is_map(value, "{trials: N, seed: S, space: {address: {log_uniform: [a, b]}}}")) return {};
    for (const Entry& entry : value.node.entries) {
      const Value part{entry.value, value.address + "." + entry.key, problems_};
      if (entry.key == "trials") {
        trials = read_integer(part, {1, kMostRuns}).value_or(0);
      } else if (entry.key == "seed") {
        seed = read_integer(part, {0, std::numeric_limits<std::uint64_t>::max()}).value_or(0);
      } else if (entry.key == "space") {
        space = &entry.value;
      } else {
        problems_.add(entry.key_at, part.address, "unknown key; " + suggest(entry.key, {"trials", "seed", "space"}));
      }
    }
    if (value.node.find("trials") == nullptr) value.fail("trials is missing; how many points to draw");
    if (space == nullptr || !space->is_map() || space->entries.empty()) {
      value.fail("space is missing; write {address: {choice: [...]}}");
      return {};
    }
    std::vector<Point> points(trials);
    for (std::size_t a = 0; a < space->entries.size(); ++a) {
      const Entry& entry = space->entries[a];
      const Value axis{entry.value, value.address + ".space." + entry.key, problems_};
      const auto draw = distribution(axis);
      for (std::uint64_t i = 0; draw && i < trials; ++i) {
        Node drawn = draw(seed, a, i);
        drawn.at = entry.value.at;
        points[i].push_back({entry.key, entry.key_at, std::move(drawn)});
      }
    }
    return points;
  }

  using Draw = std::function<Node(std::uint64_t seed, std::uint64_t stream, std::uint64_t index)>;

  /// What draws a value of one axis, from its seed, its number and the trial's.
  Draw distribution(const Value& axis) {
    if (!is_map(axis, "one of choice, uniform, log_uniform, int_uniform")) return {};
    const Entry& entry = axis.node.entries[0];
    const Value value{entry.value, axis.address + "." + entry.key, problems_};
    if (entry.key == "choice") {
      std::vector<Node> values = axis_values(value);
      if (values.empty()) return {};
      return [values = std::move(values)](std::uint64_t seed, std::uint64_t stream, std::uint64_t i) {
        return values[random_below(seed, stream, i, values.size())];
      };
    }
    if (entry.key != "uniform" && entry.key != "log_uniform" && entry.key != "int_uniform") {
      problems_.add(entry.key_at, value.address,
                    "unknown; " + suggest(entry.key, {"choice", "uniform", "log_uniform", "int_uniform"}));
      return {};
    }
    const bool two = value.node.is_list() && value.node.items.size() == 2;
    const std::optional<double> low = two ? read_number(value.item(0), kAnyNumber) : std::nullopt;
    const std::optional<double> high = two ? read_number(value.item(1), kAnyNumber) : std::nullopt;
    const bool is_log = entry.key == "log_uniform";
    if (!two || !low || !high || *low > *high || (is_log && *low <= 0)) {
      value.fail(std::string("takes [low, high], low <= high") + (is_log ? ", both positive" : ""));
      return {};
    }
    return [a = *low, b = *high, is_log, is_int = entry.key == "int_uniform"](std::uint64_t seed, std::uint64_t stream,
                                                                              std::uint64_t i) {
      const double u = random_uniform(seed, stream, i);
      if (is_int) return number_node(std::floor(a + u * (std::floor(b) - a + 1)));
      return number_node(is_log ? a * std::pow(b / a, u) : a + u * (b - a));
    };
  }

  void drop(const Value& exclude, std::vector<Point>& points) {
    if (!exclude.node.is_list()) return exclude.fail("is not a list; write [{address: value, ...}, ...]");
    for (std::size_t i = 0; i < exclude.node.items.size(); ++i) {
      const Value item = exclude.item(i);
      if (!is_map(item, "{address: value, ...}")) continue;
      const auto matches_all = [&](const Point& point) {
        return std::ranges::all_of(item.node.entries, [&](const Entry& entry) {
          return std::ranges::any_of(point, [&](const Assignment& assignment) {
            return assignment.address == entry.key && same_value(assignment.value, entry.value);
          });
        });
      };
      if (std::erase_if(points, matches_all) == 0)
        warnings.push_back(to_string(item.node.at) + ": " + item.address + ": matches no point of the sweep");
    }
  }

  std::uint64_t seed_;
  Problems& problems_;
};

/// An address that two factors of a point set would have the value of the second, silently.
void report_repeated(const std::vector<Point>& points, Problems& problems) {
  for (const Point& point : points) {
    for (auto a = point.begin(); a != point.end(); ++a) {
      if (std::any_of(point.begin(), a, [&](const Assignment& b) { return a->address == b.address; }))
        problems.add(a->at, a->address, "is swept twice; keep one of its axes");
    }
  }
}

}  // namespace

Points expand(const Node& sweep, std::uint64_t seed, Problems& problems) {
  Expander expander(seed, problems);
  Points result{expander.sweep({sweep, "sweep", problems}), {}};
  result.warnings = std::move(expander.warnings);
  report_repeated(result.points, problems);
  if (result.points.empty() && problems.empty()) problems.add(sweep, "sweep", "excludes all of its points; keep one");
  return result;
}

bool put_axis(Node& root, const Assignment& axis, bool only_existing) {
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
    if (found == nullptr) parent.add(key, map_node({}), axis.at);
    Node& node = *parent.find(key);
    if (node.is_null()) node = map_node({});
    return node;
  };
  map_of(map_of(root, "sweep"), "grid").add(axis.address, axis.value, axis.at);
  return true;
}

Node schema_of_sweep() {
  const auto object = [] { return map_node({{"type", text_node("object")}}); };
  const auto array = [] { return map_node({{"type", text_node("array")}}); };
  Node properties = map_node({{"grid", object()},
                              {"zip", object()},
                              {"list", array()},
                              {"random", object()},
                              {"seeds", map_node({{"type", text_node("integer")}, {"minimum", plain_node("1")}})},
                              {"union", array()},
                              {"exclude", array()}});
  return map_node({{"type", list_node({text_node("object"), text_node("null")})},
                   {"properties", std::move(properties)},
                   {"additionalProperties", plain_node("false")}});
}

}  // namespace qrun::spec
