// Inputs behind each other in every image, on the device.
#pragma once

#include "cuda/kernels.h"

namespace qrun::cuda {

/// Copies `size` values of each image; images lie so far apart.
void copy_images(const Scope& scope, std::int64_t size, Tensor from, std::int64_t from_apart, Tensor to,
                 std::int64_t to_apart);

}  // namespace qrun::cuda
