#include "cli/paths.h"

#include <filesystem>
#include <string>

#include "core/home.h"
#include "core/text.h"

namespace qrun {
namespace {

/// What is wrong with the path; "" where nothing is, and it has been expanded.
std::string expand(std::string& path) {
  constexpr std::size_t kMost = 600;
  std::error_code ignored;
  const std::string problem = path_problem(path);
  const std::string odd = path.substr(0, path.find('/', path.find_last_of("$~") + 1));
  if (!problem.empty() && !std::filesystem::exists(std::filesystem::symlink_status(odd, ignored)))
    return legible(problem, kMost);  // what is called so is meant
  path = expand_home(path);
  return "";
}

}  // namespace

CLI::Option* as_path(CLI::Option* option) { return option->transform(CLI::Validator(expand, "")); }

}  // namespace qrun
