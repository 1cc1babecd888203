// What an engine is: it loads a Plan and gives a Program that trains and tests all runs of the pack.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/feed.h"
#include "engine/step_access.h"
#include "plan/plan.h"
#include "plan/training_state.h"

namespace qrun {

struct EngineInfo {
  std::string name;             // cpu, cuda
  std::string device;           // processor or GPU, in words
  std::string instruction_set;  // avx512, avx2, generic; compute capability
  std::string arithmetic = "float";
  bool has_tf32 = false;  // and takes it where the plan allows it
  int threads = 0;
  int pack = 1;             // runs that fill it
  std::int64_t memory = 0;  // bytes for packs; 0: the host's
};

/// A library that computes products, or why there is none: one line for the user.
struct LibraryInfo {
  std::string name;  // with its version: cudnn 91900
  std::string problem;
};

/// How a program computes its products, where a library may.
struct ProductPaths {
  std::string text;     // for files: library, version, and of each layer algorithm and math of each direction; "": own
  std::string problem;  // why `products: auto` does without the library that it would take: one line for the user
};

/// Where the data of one run comes from. Runs may share a data set, not a Feed.
struct RunFeeds {
  std::shared_ptr<Feed> train;
  std::shared_ptr<Feed> test;
};

/// A run whose numbers stopped being finite, and where that was first seen.
struct Divergence {
  std::int64_t iteration = 0;
  std::string layer;
  std::string what;  // of the layer: a blob in it, activation or loss
};

struct TrainResult {
  std::vector<std::vector<float>> losses;              // [run][iteration of this call]; short where a run diverged
  std::vector<std::optional<Divergence>> divergences;  // [run]; once set, the run is masked
  std::int64_t iterations = 0;                         // done by this call: fewer than asked for if `stop` rose
};

/// Codes of one blob with all that is needed to decode them.
struct QuantizedBlob {
  std::vector<std::int32_t> codes;  // as the blob is shaped
  std::vector<QParams> params;      // one, or one per output channel
};

/// Codes of a quantized layer output for the first test images.
struct QuantizedActivation {
  std::vector<std::int32_t> codes;  // [samples, c, h, w]; empty where the run has no quantizer there
  std::vector<QParams> params;      // [samples]
};

struct TestResult {
  std::optional<Divergence> divergence;           // then the rest is of no use
  double loss = 0;                                // mean over the items
  double accuracy = 0;                            // fraction
  std::vector<std::int32_t> labels, predictions;  // [items]
  std::vector<std::int32_t> ranks;                // [items]: how many classes beat the label, as label_rank() has it
  std::vector<QuantizedActivation> activations;   // [slot]; empty unless samples were asked for
};

/// A loaded pack. A program is used in the thread that made its engine, as is the engine: a device belongs to a thread.
class Program {
 public:
  virtual ~Program() = default;

  /// Trains every run for `iterations`, or until `stop` rises (the iteration under way is finished).
  virtual TrainResult train(std::int64_t iterations, const std::atomic<bool>& stop) = 0;

  /// Tests every run that has not diverged over its whole test feed; the first `samples` images leave their codes.
  virtual std::vector<TestResult> test(std::int64_t samples) = 0;

  [[nodiscard]] virtual TrainingState state(int run) = 0;
  virtual void restore(int run, const TrainingState& state) = 0;

  /// Codes of the current master parameters; the blob has a quantizer in this run.
  [[nodiscard]] virtual QuantizedBlob codes(int run, ParamId param) = 0;

  /// Replaces the values the network computes with, until the next training: for evaluating stored codes.
  virtual void set_values(int run, ParamId param, std::span<const float> values) = 0;

  [[nodiscard]] virtual ProductPaths products() const { return {}; }

  /// Returns access to the program step by step; it is a part of the program.
  [[nodiscard]] virtual StepAccess& steps() = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  [[nodiscard]] virtual EngineInfo info() const = 0;
  /// What `products: cudnn` asks for. Of an engine that computes all products itself both are empty.
  [[nodiscard]] virtual LibraryInfo product_library() const { return {}; }
  /// The program waits for states: masters are 0 until restore() has given each run its own, first of all that of
  /// initial_state(). `feeds` [run] may be empty in tests of steps. Throws EnvironmentError where the plan asks for a
  /// library that the engine could have and this machine has not.
  virtual std::unique_ptr<Program> load(const Plan& plan, std::vector<RunFeeds> feeds) = 0;
};

}  // namespace qrun
