#include "config/yaml/problems.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace qrun::config {
namespace {

bool same_place(const Position& a, const Position& b) {
  return a.line == b.line && a.column == b.column && a.file == b.file;
}

}  // namespace

void Problems::add(const Position& at, const std::string& key, const std::string& text) {
  const bool known =
      std::ranges::any_of(problems_, [&](const Problem& p) { return same_place(p.at, at) && p.text == text; });
  if (!known) push({at, key, text});
}

void Problems::add(const Node& node, const std::string& key, const std::string& text) {
  if (node.origin.empty()) return add(node.at, key, text);
  const bool known = std::ranges::any_of(
      problems_, [&](const Problem& p) { return same_place(p.at, node.at) && p.key == node.origin; });
  if (!known) push({node.at, node.origin, text + " (in " + key + ")"});
}

bool Problems::has(const std::string& text) const {
  return std::ranges::find(problems_, text, &Problem::text) != problems_.end();
}

std::vector<Problems::Problem> Problems::at(const Position& place) const {
  std::vector<Problem> found;
  std::ranges::copy_if(problems_, std::back_inserter(found), [&](const Problem& p) { return same_place(p.at, place); });
  return found;
}

void Problems::push(Problem problem) {
  problems_.push_back(std::move(problem));
  if (problems_.size() >= kMost) throw_if_any();
}

std::size_t Problems::rank(const Problem& problem) const {
  return static_cast<std::size_t>(std::ranges::find(sources_, problem.at.file.text()) - sources_.begin());
}

void Problems::throw_if_any() const {
  if (problems_.empty()) return;
  std::vector<Problem> sorted = problems_;
  std::ranges::stable_sort(sorted, {}, [&](const Problem& p) { return std::tuple(rank(p), p.at.line, p.at.column); });
  std::vector<std::string> lines;
  lines.reserve(sorted.size());
  for (const Problem& p : sorted) lines.push_back(mistake_line(p.at, p.key, p.text));
  throw ConfigError(std::move(lines));
}

}  // namespace qrun::config
