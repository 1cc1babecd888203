// Idx files by their names: `train-images-idx3-ubyte.gz`, and what else they are called where they are published.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qrun {

/// What a file's name says: [PREFIX-](train|t10k|test)-(images|labels)-idx(3|1)-ubyte[.gz], with `-`, `_` or `.`
/// between the words.
struct IdxName {
  std::string set;  // the prefix: `emnist-letters`; empty where there is none
  bool is_train = false;
  bool is_images = false;
};
[[nodiscard]] std::optional<IdxName> parse_idx_name(std::string_view name);

/// The paths of a set's four files.
struct IdxFiles {
  std::string train_images, train_labels, test_images, test_labels;
};

/// Finds a set's files in `folder`: those of `set`, or of the only one there is. Throws Error that says what was looked
/// for and what lies there.
[[nodiscard]] IdxFiles find_idx_files(const std::string& folder, const std::optional<std::string>& set);

}  // namespace qrun
