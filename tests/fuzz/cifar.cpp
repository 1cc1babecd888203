// CIFAR's batches, the form by the first byte: refused by an Error, or whole images with labels among the classes.
#include "data/import/cifar.h"

#include <span>

#include "core/error.h"
#include "support.h"

namespace qrun::fuzz {

void one_input(std::string_view input) {
  if (input.empty()) return;
  const std::span batch(reinterpret_cast<const std::uint8_t*>(input.data()) + 1, input.size() - 1);
  const bool is_python = (input[0] & 1) != 0;
  const CifarLabels labels = (input[0] & 2) != 0 ? CifarLabels{100, 2} : CifarLabels{10, 1};
  LabelledImages set{kCifarShape, {}, {}};
  try {
    is_python ? append_cifar_python(batch, labels, "batch", set) : append_cifar_binary(batch, labels, "batch", set);
  } catch (const Error&) {
    return;
  }
  must_hold(set.items() > 0, "no empty batch");
  must_hold(std::ssize(set.pixels) == set.items() * kCifarShape.size(), "whole images");
  for (const std::int32_t label : set.labels) must_hold(label >= 0 && label < labels.classes, "labels of classes");
}

}  // namespace qrun::fuzz
