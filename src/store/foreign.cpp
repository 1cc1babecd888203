#include "store/foreign.h"

#include <filesystem>
#include <fstream>

#include "store/layout.h"
#include "store/run_file.h"

namespace qrun {
namespace {

bool has_signature(const std::string& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::string bytes(kSignature.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) && bytes == kSignature;
}

}  // namespace

bool is_foreign(const std::string& path, const Error& refusal) {
  if (dynamic_cast<const NotARun*>(&refusal) != nullptr) return true;
  const bool may_be_sound = dynamic_cast<const Unreadable*>(&refusal) != nullptr;
  return !may_be_sound && !has_hash(std::filesystem::path(path).stem()) && !has_signature(path);
}

}  // namespace qrun
