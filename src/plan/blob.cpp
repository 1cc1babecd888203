#include "plan/blob.h"

namespace qrun {

std::string BlobAddress::in_layer() const {
  return place == Place::kLayer ? name : std::string(name_of(place)) + "." + name;
}

std::string to_string(const BlobAddress& address) { return address.layer + "/" + address.in_layer(); }

std::optional<BlobAddress> parse_blob_address(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  BlobAddress address{.layer = std::string(text.substr(0, slash))};
  std::string_view name = text.substr(slash + 1);
  if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
    const std::optional<Place> place = find_named<Place>(name.substr(0, dot));
    if (!place || place == Place::kLayer) return std::nullopt;  // the layer's own stand without a place
    address.place = *place;
    name.remove_prefix(dot + 1);
  }
  if (name.empty() || name.find_first_of("./") != std::string_view::npos) return std::nullopt;
  address.name = name;
  return address;
}

std::int64_t Blob::size() const {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n = times(n, d);
  return n;
}

}  // namespace qrun
