#include "store/network_hash.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>

namespace qrun {
namespace {

/// CRC-32 as in gzip and PNG.
std::uint32_t crc32(std::string_view bytes) {
  constexpr std::uint32_t kPolynomial = 0xedb88320U;
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
  }
  return ~crc;
}

/// A value in the one form that does not depend on how programs write numbers and quote texts.
std::string canonical(std::string_view value) {
  const std::string text(value);
  const bool is_number = !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '-');
  if (is_number) return fmt::format("{:.17g}", std::strtod(text.c_str(), nullptr));
  std::string plain = text;
  std::erase(plain, '"');
  return plain;
}

}  // namespace

std::string network_hash(const SharedValues& config) {
  std::string lines;
  for (const auto& [address, value] : config) {
    if (address.starts_with("network.")) lines.append(address).append(": ").append(canonical(value)).append("\n");
  }
  return fmt::format("{:08x}", 0xa0000000U + crc32(lines) % 0x60000000U);  // a letter in front: no table reads a number
}

}  // namespace qrun
