// The numbers of a run over time: a struct for each group of `/metrics`, and a row for each column of it. Files of
// runs, journals, checkpoints and the index of a sweep follow these tables; the first column is the axis of its group.
#pragma once

#include <cstdint>
#include <tuple>

#include "store/table.h"

namespace qrun {

/// A column. Those that are no integers stand in journals, too, where each line says epoch and iteration once.
template <class Point, class T>
struct Metric {
  const char* name = nullptr;
  T Point::*member = nullptr;
  const char* curve = nullptr;  // its name in the index of a sweep, or nullptr
  bool is_later = false;        // files of before there was one lack it

  [[nodiscard]] constexpr Metric later() const { return {name, member, curve, true}; }
};

template <class Point, class T>
[[nodiscard]] constexpr Metric<Point, T> metric(const char* name, T Point::*member, const char* curve = nullptr) {
  return {name, member, curve};
}

/// What is noted at the end of an epoch.
struct TrainPoint {
  std::int64_t epoch = 0, iteration = 0;
  double loss = 0, loss_mean = 0, lr = 0, images_per_second = 0;
};
inline constexpr std::tuple kTrainMetrics(metric("epoch", &TrainPoint::epoch),
                                          metric("iteration", &TrainPoint::iteration),
                                          metric("loss", &TrainPoint::loss),
                                          metric("loss_mean", &TrainPoint::loss_mean, "train_loss"),
                                          metric("lr", &TrainPoint::lr),
                                          metric("images_per_second", &TrainPoint::images_per_second));

/// What is noted of a test.
struct TestPoint {
  std::int64_t epoch = 0, iteration = 0;
  double loss = 0, accuracy = 0;
};
inline constexpr std::tuple kTestMetrics(metric("epoch", &TestPoint::epoch), metric("iteration", &TestPoint::iteration),
                                         metric("loss", &TestPoint::loss, "test_loss"),
                                         metric("accuracy", &TestPoint::accuracy, "test_accuracy"));

/// What is noted every `train.log_every` iterations.
struct IterationPoint {
  std::int64_t iteration = 0;
  double loss = 0, lr = 0;
};
inline constexpr std::tuple kIterationMetrics(metric("iteration", &IterationPoint::iteration),
                                              metric("loss", &IterationPoint::loss), metric("lr", &IterationPoint::lr));

// A checkpoint's digest takes the bytes of the structs: padding would make it differ at random.
static_assert(bytes_of(kTrainMetrics) == sizeof(TrainPoint), "a member of TrainPoint has no row, or padding beside it");
static_assert(bytes_of(kTestMetrics) == sizeof(TestPoint), "a member of TestPoint has no row, or padding beside it");
static_assert(bytes_of(kIterationMetrics) == sizeof(IterationPoint), "a member of IterationPoint has no row");

}  // namespace qrun
