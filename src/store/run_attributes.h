// What the root of a run's file says in attributes: a member for each, and its row, which says where the value comes
// from. Writers, readers and the session that makes a run's record walk over the table.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>

#include "config/run_spec.h"
#include "core/host.h"
#include "engine/engine.h"
#include "store/h5.h"
#include "store/run_status.h"
#include "store/table.h"

namespace qrun {

/// The build of the program that writes.
struct BuildInfo {
  std::string version, commit;
};

/// What is known when a run begins.
struct RunSource {
  const RunSpec& spec;
  const EngineInfo& engine;
  const BuildInfo& build;
};

struct RunAttributes {
  std::string run_id, name;
  std::string error;   // of a failed run
  std::string config;  // RunSpec::text()
  RunStatus status = RunStatus::kInterrupted;
  int threads = 0;
  std::uint64_t seed = 0;
  std::string engine, arithmetic;
  std::string precision = name_of(Precision::kFp32);  // that the factors of products had
  std::string products;  // library, version and choices of all that the run was trained with, the last ones last
  std::string device;
  std::string instruction_set;  // all that the run was trained with, the last one last
  std::string hostname, qrun_version, git_commit;
  std::string started, finished;  // ISO 8601, UTC
  double wall_seconds = 0;
  double best_test_accuracy = std::numeric_limits<double>::quiet_NaN();
  // Of the final test, with the weights that are kept; NaN where the run isn't complete.
  double final_test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double final_test_loss = std::numeric_limits<double>::quiet_NaN();
};

template <class T>
struct RunAttribute {
  using Source = T (*)(const RunSource&);
  using Condition = bool (*)(const RunAttributes&);

  const char* name = nullptr;
  T RunAttributes::*member = nullptr;
  Source source = nullptr;        // nullptr: training says it
  bool is_later = false;          // files of before there was one lack it
  Condition condition = nullptr;  // by the rows before: files of other runs lack it
  bool is_optional = false;       // files lack it while it has nothing to say

  [[nodiscard]] constexpr bool is_of(const RunAttributes& run) const { return condition == nullptr || condition(run); }
  [[nodiscard]] bool says_nothing(const RunAttributes& run) const { return is_optional && run.*member == T{}; }

  [[nodiscard]] constexpr RunAttribute later() const { return {name, member, source, true, condition, is_optional}; }
  [[nodiscard]] constexpr RunAttribute only_of(Condition of) const {
    return {name, member, source, is_later, of, is_optional};
  }
  [[nodiscard]] constexpr RunAttribute optional() const { return {name, member, source, is_later, condition, true}; }
};

template <class T>
[[nodiscard]] constexpr RunAttribute<T> attribute(const char* name, T RunAttributes::*member,
                                                  std::type_identity_t<T (*)(const RunSource&)> source = nullptr) {
  return {name, member, source};
}

inline constexpr std::tuple kRunAttributes(
    attribute("run_id", &RunAttributes::run_id, [](const RunSource& from) { return from.spec.id(); }),
    attribute("name", &RunAttributes::name, [](const RunSource& from) { return from.spec.name; }),
    attribute("status", &RunAttributes::status),
    attribute("error", &RunAttributes::error).only_of([](const RunAttributes& run) {
      return run.status == RunStatus::kFailed;
    }),
    attribute("config", &RunAttributes::config, [](const RunSource& from) { return from.spec.text(); }),
    attribute("seed", &RunAttributes::seed, [](const RunSource& from) { return from.spec.seed; }),
    attribute("engine", &RunAttributes::engine, [](const RunSource& from) { return from.engine.name; }),
    attribute("arithmetic", &RunAttributes::arithmetic, [](const RunSource& from) { return from.engine.arithmetic; }),
    attribute("precision", &RunAttributes::precision,
              [](const RunSource& from) {
                const bool is_tf32 = from.engine.has_tf32 && from.spec.precision == Precision::kTf32;
                return std::string(name_of(is_tf32 ? Precision::kTf32 : Precision::kFp32));
              })
        .later(),
    attribute("products", &RunAttributes::products).optional(),
    attribute("device", &RunAttributes::device, [](const RunSource& from) { return from.engine.device; }),
    attribute("instruction_set", &RunAttributes::instruction_set,
              [](const RunSource& from) { return from.engine.instruction_set; }),
    attribute("hostname", &RunAttributes::hostname, [](const RunSource&) { return host_name(); }),
    attribute("threads", &RunAttributes::threads, [](const RunSource& from) { return from.engine.threads; }),
    attribute("qrun_version", &RunAttributes::qrun_version, [](const RunSource& from) { return from.build.version; }),
    attribute("git_commit", &RunAttributes::git_commit, [](const RunSource& from) { return from.build.commit; }),
    attribute("started", &RunAttributes::started, [](const RunSource&) { return utc_now(); }),
    attribute("finished", &RunAttributes::finished), attribute("wall_seconds", &RunAttributes::wall_seconds),
    attribute("best_test_accuracy", &RunAttributes::best_test_accuracy),
    attribute("final_test_accuracy", &RunAttributes::final_test_accuracy),
    attribute("final_test_loss", &RunAttributes::final_test_loss).later());
static_assert(sizeof(RunAttributes) - bytes_of(kRunAttributes) < sizeof(std::int64_t), "a member has no row");

/// Returns the attributes of a run that begins.
[[nodiscard]] RunAttributes attributes_of(const RunSource& source);

void write_attributes(const h5::Group& root, const RunAttributes& run);

/// Reads a run's attributes. Throws Error where one is missing or of another type.
[[nodiscard]] RunAttributes read_attributes(const h5::Group& root);

}  // namespace qrun
