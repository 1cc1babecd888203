// Where the kernel files hand their functions to kernels(): each call returns those of the current dispatch target.
#pragma once

#include "cpu/kernels/kernels.h"

namespace qrun::cpu {

void fill_products_kernels(Kernels& kernels);
void fill_depthwise_conv2d_kernels(Kernels& kernels);
void fill_pool2d_kernels(Kernels& kernels);
void fill_statistics_kernels(Kernels& kernels);
void fill_elementwise_kernels(Kernels& kernels);
void fill_batch_norm_kernels(Kernels& kernels);
void fill_channel_scale_kernels(Kernels& kernels);
void fill_lrn_kernels(Kernels& kernels);

}  // namespace qrun::cpu
