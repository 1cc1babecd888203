// What an op reads and writes, all of it: what engines keep for ops, what fusions and the check engine ask of them, and
// what tests fill with NaN and compare are derived from here.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/ops.h"

namespace qrun {

enum class OperandKind : std::uint8_t {
  kValue,            // of a buffer
  kGradient,         // of a buffer
  kArgmax,           // of a buffer: where in their plane the maxima lie that a pooling wrote there
  kMoments,          // of a buffer: mean and inverse deviation, [2][c], of what a batch norm makes it of
  kMomentsGradient,  // of a buffer: means of dy and of dy times the normalized x, [2][c]
  kMaster,           // of a parameter
  kParamValue,       // what the network computes with; where a run has no quantizer there, the master itself
  kParamGradient,    // of a parameter
  kGradientSum,      // of a parameter: over the batches of an iteration
  kHistory,          // of a parameter, the solver's
  kParamFit,         // of a parameter's quantizer: a scale for each tensor or channel
  kSlotFit,          // of an activation's quantizer: the scale of the last batch
  kRange,            // of an activation's quantizer: its moving average
  kStatistic,        // of a batch norm
  kLabels,           // of the batch
  kLoss,             // of the batch
};

/// One thing that ops read or write, of one run. `id` is that of the buffer, parameter, slot or statistic.
struct Operand {
  OperandKind kind = OperandKind::kValue;
  int id = 0;
  auto operator<=>(const Operand&) const = default;

  static Operand value(BufferId id) { return {OperandKind::kValue, id}; }
  static Operand gradient(BufferId id) { return {OperandKind::kGradient, id}; }
  static Operand argmax(BufferId id) { return {OperandKind::kArgmax, id}; }
  static Operand moments(BufferId id) { return {OperandKind::kMoments, id}; }
  static Operand moments_gradient(BufferId id) { return {OperandKind::kMomentsGradient, id}; }
  static Operand master(ParamId id) { return {OperandKind::kMaster, id}; }
  static Operand param_value(ParamId id) { return {OperandKind::kParamValue, id}; }
  static Operand param_gradient(ParamId id) { return {OperandKind::kParamGradient, id}; }
  static Operand gradient_sum(ParamId id) { return {OperandKind::kGradientSum, id}; }
  static Operand history(ParamId id) { return {OperandKind::kHistory, id}; }
  static Operand param_fit(ParamId id) { return {OperandKind::kParamFit, id}; }
  static Operand slot_fit(SlotId id) { return {OperandKind::kSlotFit, id}; }
  static Operand range(SlotId id) { return {OperandKind::kRange, id}; }
  static Operand statistic(StatisticId id) { return {OperandKind::kStatistic, id}; }
  static Operand labels() { return {OperandKind::kLabels, 0}; }
  static Operand loss() { return {OperandKind::kLoss, 0}; }
};

/// What an op reads it may also write where it works in place. Ranges and statistics move in training alone, a range
/// only where a run averages it.
struct Operands {
  std::vector<Operand> reads, writes;
};

[[nodiscard]] Operands operands_of(const Op& op);

[[nodiscard]] bool reads(const Op& op, const Operand& what);
[[nodiscard]] bool writes(const Op& op, const Operand& what);

}  // namespace qrun
