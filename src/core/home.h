// A leading `~` in a path, as a shell reads it.
#pragma once

#include <string>

namespace qrun {

/// Returns `path` with a leading `~` (the home folder) or `~user` (that user's) replaced; as it is where there is none,
/// or where no such user is known.
[[nodiscard]] std::string expand_home(const std::string& path);

/// What is wrong with a path that someone wrote, and what would be right; "" where nothing is: `$NAME` is filled in by
/// nobody, and `~user` names a user who is known.
[[nodiscard]] std::string path_problem(const std::string& path);

}  // namespace qrun
