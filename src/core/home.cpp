#include "core/home.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>

namespace qrun {
namespace {

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_name(char c) { return starts_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// What stands between the `~` and the first slash.
std::string user_of(const std::string& path) { return path.substr(1, path.find('/') - 1); }

/// The home folder of a user, "" being whoever asks; nothing where it is not known.
std::optional<std::string> home_of(const std::string& user) {
  const char* const home = user.empty() ? std::getenv("HOME") : nullptr;
  if (home != nullptr && *home != '\0') return home;
  constexpr std::size_t kMostBytes = 1 << 14;  // of a user's entry
  std::array<char, kMostBytes> texts{};
  passwd entry{};
  passwd* found = nullptr;
  if (user.empty()) {
    getpwuid_r(getuid(), &entry, texts.data(), texts.size(), &found);
  } else {
    getpwnam_r(user.c_str(), &entry, texts.data(), texts.size(), &found);
  }
  return found == nullptr ? std::nullopt : std::optional<std::string>(found->pw_dir);
}

/// The name behind the first `$` that is followed by one, as a shell would read it.
std::string shell_variable(const std::string& path) {
  for (std::size_t at = path.find('$'); at != path.npos; at = path.find('$', at + 1)) {
    if (at + 1 == path.size() || !starts_name(path[at + 1])) continue;
    const auto first = path.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    return {first, std::find_if_not(first, path.end(), continues_name)};
  }
  return "";
}

}  // namespace

std::string expand_home(const std::string& path) {
  if (!path.starts_with('~')) return path;
  const std::optional<std::string> home = home_of(user_of(path));
  const std::size_t slash = path.find('/');
  return home ? *home + (slash == path.npos ? "" : path.substr(slash)) : path;
}

std::string path_problem(const std::string& path) {
  if (const std::string name = shell_variable(path); !name.empty())
    return path + " holds $" + name + ", which nothing fills in; a configuration takes ${env:" + name + "}, a shell $" +
           name + " outside of single quotes";
  if (path.starts_with('~') && !home_of(user_of(path)))
    return path + " names the home folder of a user who is not known; write ./" + path + " for one called so";
  return "";
}

}  // namespace qrun
