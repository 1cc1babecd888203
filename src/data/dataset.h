// A labelled image set, read by index: an LMDB of Caffe Datum, or synthetic digits.
#pragma once

#include <cstdint>
#include <future>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/run_spec.h"
#include "core/data_record.h"
#include "core/shape.h"
#include "engine/feed.h"

namespace qrun {

/// One item, borrowed until the next call on the same thread: pixels either as bytes or as floats, [c, h, w].
struct Item {
  std::span<const std::uint8_t> bytes;
  std::span<const float> floats;
  std::int32_t label = 0;
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  [[nodiscard]] virtual Shape shape() const = 0;
  [[nodiscard]] virtual std::int64_t items() const = 0;  // at least 1
  /// Returns an item. Thread-safe. Throws Error naming the database and the key where the item cannot be read.
  [[nodiscard]] virtual Item item(std::int64_t index) const = 0;
  [[nodiscard]] virtual std::int32_t label(std::int64_t index) const { return item(index).label; }
  /// Whether items are compressed images, which take longer to read than to move.
  [[nodiscard]] virtual bool is_encoded() const { return false; }
  /// All items one behind the other, where they lie in memory so: bytes or floats, and labels.
  [[nodiscard]] virtual DataSource memory() const { return {}; }
  /// What was read, found once: of a set in memory when it was read, of a larger one by a pass over it when first
  /// asked.
  [[nodiscard]] virtual const Contents& contents() const = 0;
};

enum class Split : std::uint8_t { kTrain, kTest };

/// Opens one source. Throws ConfigError at `source.position` if it is missing, unreadable, empty or malformed,
/// EnvironmentError if it is more than memory holds. Synthetic digits are drawn when the first one is asked for.
[[nodiscard]] std::shared_ptr<const Dataset> open_dataset(const SourceSpec& source, Split split);

/// What is subtracted from each image, pixel by pixel.
struct MeanImage {
  Shape shape;
  std::vector<float> values;  // [c][h][w]
};

/// Both sets of a run, checked against each other (equal shapes) and against `data` (crop, mean).
struct RunData {
  std::shared_ptr<const Dataset> train, test;
  std::shared_future<MeanImage> mean_image;  // not valid() without one; that of a training set is found when asked for
  Shape shape;                               // after cropping
  std::int32_t largest_label = 0;  // among the first 1,000 of both sets: to be compared with the last layer's outputs
  bool is_sorted = false;          // the first 1,000 training labels come class by class
  bool test_lacks_labels = false;  // those of the test database are all 0
};
[[nodiscard]] RunData open_data(const DataSpec& spec);

/// What the network gets of images of this shape: padded or cropped.
[[nodiscard]] Shape input_shape(const DataSpec& spec, const Shape& image);

/// Returns the record of both sets; what the run starts from is not known here. Without `draw` synthetic digits, which
/// nothing but another program can change, are not drawn for it: their contents stay empty.
[[nodiscard]] DataRecord record_of(const DataSpec& spec, const RunData& data, bool draw = true);

constexpr std::int64_t kAnyLabel = std::numeric_limits<std::int64_t>::max();

/// A run's training sequence of `data` (order, shuffling and augmentation from `seed`) or one pass over a test set in order.
/// Prepares batches ahead on a thread of its own, and images that are to be decoded on as many as there are processors.
/// A label that is none of `classes` is an Error where it is met.
[[nodiscard]] std::shared_ptr<Feed> make_feed(const RunData& data, const DataSpec& spec, Split split,
                                              std::uint64_t seed, std::int64_t classes = kAnyLabel);

}  // namespace qrun
