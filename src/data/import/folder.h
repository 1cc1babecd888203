// What lies in a folder that is to be imported.
#pragma once

#include <string>
#include <vector>

namespace qrun {

/// Names of the files in `folder`, or of the folders, in the order of their bytes. Throws Error with the path and the
/// reason.
[[nodiscard]] std::vector<std::string> files_in(const std::string& folder);
[[nodiscard]] std::vector<std::string> folders_in(const std::string& folder);

/// Returns `a, b, c`, or the first ten and how many more.
[[nodiscard]] std::string some_of(const std::vector<std::string>& names);

/// Returns what a message says of a folder: `it holds a, b/`, folders with a slash.
[[nodiscard]] std::string what_it_holds(const std::string& folder);

/// The path of `name` in `folder`, plain or with .gz; "" where there is neither.
[[nodiscard]] std::string find_packed(const std::string& folder, const std::string& name);

}  // namespace qrun
