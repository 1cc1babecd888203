// How long a run trains, and what of it is kept.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "config/table/field.h"
#include "core/enum_names.h"
#include "core/error.h"

namespace qrun {

enum class Keep : std::uint8_t { kLast, kBest, kAll };
inline constexpr std::array kKeepNames = {"last", "best", "all"};
constexpr const auto& names_of(Keep /*keep*/) { return kKeepNames; }
static_assert(names_all_to(Keep::kAll));

struct TrainSpec {
  std::int64_t epochs = 1;
  std::int64_t accumulate = 1;                       // batches an iteration
  std::optional<std::int64_t> iterations_per_epoch;  // default: training items / images an iteration, at least 1
  std::optional<std::int64_t> test_every;            // iterations; default: at the end of each epoch
  bool test_first = false;                           // before the first iteration, too
  std::optional<std::int64_t> log_every;             // iterations; default: off
  std::int64_t checkpoint_every = 1;                 // epochs
  Keep keep = Keep::kLast;
  std::string init_from;        // empty: none
  Position init_from_position;  // outside text() and id()
};

namespace config {

inline constexpr auto kTrainFields =
    fields(integer<&TrainSpec::epochs>("epochs", "how long to train", Role::kShape, {1, kMany}).required(),
           integer<&TrainSpec::accumulate>("accumulate", "batches an iteration, of whose gradients it takes the mean",
                                           Role::kShape, {1, std::uint64_t{1} << 20})
               .later("1"),
           integer<&TrainSpec::iterations_per_epoch>(
               "iterations_per_epoch", "default: training items / (batch size * accumulate), rounded down, at least 1",
               Role::kShape, {1, kMany}),
           integer<&TrainSpec::test_every>("test_every", "iterations; default: at the end of each epoch", Role::kShape,
                                           {1, kMany}),
           boolean<&TrainSpec::test_first>("test_first", "test before the first iteration, too", Role::kSweep),
           integer<&TrainSpec::log_every>("log_every", "iterations; default: off", Role::kShape, {1, kMany}),
           integer<&TrainSpec::checkpoint_every>("checkpoint_every", "epochs", Role::kShape, {1, kMany}),
           choice<&TrainSpec::keep>("keep", "which weights the run file gets", Role::kNumber),
           text_or_null<&TrainSpec::init_from>("init_from", "a run's .h5 to start from", Role::kNumber)
               .positioned<&TrainSpec::init_from_position>());

}  // namespace config
}  // namespace qrun
