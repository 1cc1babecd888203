// What convolution and its gradients share.
#pragma once

#include "cpu/ops.h"

namespace qrun::cpu {

/// A tile of channels inside one group.
struct ChannelTile {
  std::int64_t group, first, count;  // first: over all groups
};

/// Returns the tile of number `index`, of groups of `per_group` channels.
[[nodiscard]] ChannelTile channel_tile(std::int64_t index, std::int64_t per_group);

/// x with its zero border, [block][c][h + 2 pad.h][w + 2 pad.w][16]; x itself where there is none.
[[nodiscard]] const float* padded(const float* x, const ConvShape& s, Context& context);

// Convolutions with a group for each channel, and their gradients.
void depthwise_conv2d(const Conv2dOp& op, Context& context);
void depthwise_conv2d_backward_data(const Conv2dBackwardDataOp& op, Context& context);
void depthwise_conv2d_backward_weight(const Conv2dBackwardWeightOp& op, Context& context);

}  // namespace qrun::cpu
