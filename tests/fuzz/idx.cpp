// MNIST's idx files, plain or compressed: refused by an Error, or as large as their header says.
#include "data/import/idx.h"

#include "core/error.h"
#include "support.h"

namespace qrun::fuzz {
namespace {

template <class Read>
void check(const Read& read) {
  try {
    read();
  } catch (const Error&) {
    return;
  }
}

}  // namespace

void one_input(std::string_view input) {
  const std::string path = file_of("idx", input);
  check([&] {
    const IdxImages images = read_idx_images(path);
    must_hold(images.count > 0 && images.height > 0 && images.width > 0, "no empty dimension");
    must_hold(std::ssize(images.pixels) == images.count * images.height * images.width, "all pixels are there");
  });
  check([&] { must_hold(!read_idx_labels(path).empty(), "no empty dimension"); });
}

}  // namespace qrun::fuzz
