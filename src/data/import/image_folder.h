// A folder of images: a folder a class, PNG and JPEG files in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qrun {

struct ImageFile {
  std::string path;
  std::int32_t label = 0;
};

struct ImageFolder {
  std::vector<ImageFile> files;          // class by class, of each in the order of their names
  std::vector<std::string> passed_over;  // files in folders of classes that are called like no image
};

/// Names of the folders in `folder`, in the order of their bytes, but for hidden ones.
[[nodiscard]] std::vector<std::string> class_names(const std::string& folder);

/// The files of each class, the index in `classes` being its label. Throws Error where a folder is none of the classes,
/// or holds no image.
[[nodiscard]] ImageFolder list_images(const std::string& folder, const std::vector<std::string>& classes);

}  // namespace qrun
