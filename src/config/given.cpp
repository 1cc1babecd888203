#include "config/given.h"

#include <algorithm>
#include <utility>

namespace qrun::config {
namespace {

bool contains(const std::vector<std::string>& all, const std::string& text) {
  return std::ranges::find(all, text) != all.end();
}

/// True where the address is the section, or in it.
bool lies_in(const std::string& address, const std::string& section) {
  return address == section || address.starts_with(section + ".");
}

/// What a value at `address` gives a value to.
std::vector<std::string> given_addresses(const std::string& address, const Assignment& assignment) {
  if (!assignment.is_axis) return leaf_addresses(address, assignment.value);
  std::vector<std::string> addresses = {"sweep.grid." + address};
  for (const Node& value : assignment.value.items) {
    for (std::string& set : set_addresses(address, value)) addresses.push_back(std::move(set));
  }
  if (addresses.size() == 1) addresses.push_back(address);
  return addresses;
}

}  // namespace

std::optional<GivenValues::Lost> GivenValues::add(const Node& document, const Assignment& assignment) {
  const std::vector<std::string> addresses = given_addresses(assignment.address, assignment);
  const std::vector<std::string> sections = places_of(document, assignment.address);
  std::vector<std::vector<std::string>> placed;
  for (const std::string& section : sections) placed.push_back(given_addresses(section, assignment));

  const auto is_at_a_place = [&](const std::string& place) {
    return std::ranges::any_of(placed, [&](const auto& all) { return contains(all, place); }) ||
           (!assignment.is_axis &&
            std::ranges::any_of(sections, [&](const std::string& section) { return lies_in(place, section); }));
  };
  const auto is_lost = [&](const auto& earlier) {
    const auto& [address, given] = earlier;
    if (contains(addresses, address) || address == "sweep.grid." + assignment.address) return true;
    if (!assignment.is_axis && lies_in(address, assignment.address)) return true;
    // Axes come behind all single values, whatever their order here.
    return given.is_axis == assignment.is_axis && std::ranges::all_of(given.places, is_at_a_place);
  };
  if (const auto lost = std::ranges::find_if(given_, is_lost); lost != given_.end())
    return Lost{lost->first, lost->second.at};
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Given given{assignment.at, assignment.is_axis, {}};
    for (const std::vector<std::string>& all : placed) given.places.push_back(all[i]);
    given_.emplace(addresses[i], std::move(given));
  }
  return std::nullopt;
}

}  // namespace qrun::config
