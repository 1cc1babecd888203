#include "data/import/image_folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "data/import/folder.h"

namespace qrun {
namespace {

namespace fs = std::filesystem;

bool is_called_image(const std::string& name) {
  std::string lower;
  for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array<std::string_view, 3> kEndings = {".png", ".jpg", ".jpeg"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return lower.ends_with(ending); });
}

}  // namespace

std::vector<std::string> class_names(const std::string& folder) {
  std::vector<std::string> names = folders_in(folder);
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  return names;
}

ImageFolder list_images(const std::string& folder, const std::vector<std::string>& classes) {
  ImageFolder listed;
  for (const std::string& name : class_names(folder)) {
    const auto known = std::ranges::find(classes, name);
    const std::string path = (fs::path(folder) / name).string();
    if (known == classes.end()) throw Error(path + ": a class that the training set has not");
    const std::size_t before = listed.files.size();
    for (const std::string& file : files_in(path)) {
      const std::string file_path = (fs::path(path) / file).string();
      if (file.starts_with('.')) continue;
      if (is_called_image(file)) {
        listed.files.push_back({file_path, static_cast<std::int32_t>(known - classes.begin())});
      } else {
        listed.passed_over.push_back(file_path);
      }
    }
    if (listed.files.size() == before)
      throw Error(path + ": a class without .png, .jpg or .jpeg files; " + what_it_holds(path));
  }
  return listed;
}

}  // namespace qrun
