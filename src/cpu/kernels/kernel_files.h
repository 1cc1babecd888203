// Where the kernel files hand their functions to kernels(): each call returns those of the current dispatch target.
#pragma once

#include "cpu/kernels/kernels.h"

namespace qrun::cpu {

void fill_product_kernels(Kernels& kernels);
void fill_statistics_kernels(Kernels& kernels);
void fill_element_kernels(Kernels& kernels);

}  // namespace qrun::cpu
