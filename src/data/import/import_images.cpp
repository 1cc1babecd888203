// Folders of images: `train` and `test` with a folder a class each, or the folders of classes alone.
#include <algorithm>

#include "core/atomic_file.h"
#include "core/error.h"
#include "data/import/folder.h"
#include "data/import/image_folder.h"
#include "data/import/image_reader.h"
#include "data/import/import.h"
#include "data/import/labelled_images.h"
#include "data/lmdb.h"

namespace qrun {
namespace {

std::function<std::string(std::int64_t)> values_of(ImageReader& reader, const ImageFolder& folder) {
  return [&](std::int64_t i) { return reader.value(folder.files, static_cast<std::size_t>(i)); };
}

std::int64_t count(const ImageFolder& folder) { return static_cast<std::int64_t>(folder.files.size()); }

/// Throws ConfigError that names the files, if there are any.
void refuse(const std::vector<std::string>& unreadable) {
  constexpr std::size_t kMost = 10;
  std::vector<std::string> lines(unreadable.begin(),
                                 unreadable.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, unreadable.size())));
  if (unreadable.size() > kMost)
    lines.push_back(std::to_string(unreadable.size()) + " files can't be read, of which these are the first ten");
  if (!lines.empty()) throw ConfigError(std::move(lines));
}

void write_labels(const std::string& to, const std::vector<std::string>& classes) {
  std::string text;
  for (const std::string& name : classes) text += name + "\n";
  write_text(to + "/labels.txt", text);
}

void add_notes(const ImageReader& reader, const ImageOptions& options, const std::vector<std::string>& passed_over,
               std::vector<std::string>& notes) {
  if (!passed_over.empty())
    notes.push_back("passed over what is not called .png, .jpg or .jpeg: " + some_of(passed_over));
  if (reader.all_are_grey() && !options.gray)
    notes.emplace_back("all images are grey and have three equal channels now; --gray makes one of them");
  notes.emplace_back("items lie class by class: training on them needs data.train.shuffle: true");
}

}  // namespace

Imports import_images(const std::string& from, const std::string& to, const ImageOptions& options) {
  const std::vector<std::string> folders = class_names(from);
  if (folders.empty())
    throw Error(from + ": no folders of classes, nor train and test with such folders; " + what_it_holds(from));
  const bool is_split = std::ranges::count(folders, "train") == 1 && std::ranges::count(folders, "test") == 1;
  const std::string train_folder = is_split ? from + "/train" : from;
  const std::vector<std::string> classes = class_names(train_folder);
  ImageFolder train = list_images(train_folder, classes);
  ImageFolder test = is_split ? list_images(from + "/test", classes) : ImageFolder{};
  if (train.files.empty() || (is_split && test.files.empty()))
    throw Error((train.files.empty() ? train_folder : from + "/test") + ": no folders of classes");
  ImageReader reader(options);
  Imports imports;
  NewLmdb new_train(to + (is_split ? "/train_lmdb" : "/images_lmdb"), count(train), values_of(reader, train));
  imports.sets.push_back({new_train.folder(), count(train)});
  if (is_split) {
    NewLmdb new_test(to + "/test_lmdb", count(test), values_of(reader, test));
    imports.sets.push_back({new_test.folder(), count(test)});
    refuse(reader.unreadable());
    replace_both(new_train, new_test);
  } else {
    refuse(reader.unreadable());
    new_train.replace();
  }
  write_labels(to, classes);
  train.passed_over.insert(train.passed_over.end(), test.passed_over.begin(), test.passed_over.end());
  add_notes(reader, options, train.passed_over, imports.notes);
  return imports;
}

}  // namespace qrun
