#include "data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/home.h"
#include "core/machine.h"
#include "core/sizes.h"
#include "data/contents.h"
#include "data/digits.h"
#include "data/lmdb_dataset.h"
#include "data/lmdb_file.h"
#include "data/mean_image.h"
#include "data/memory_dataset.h"

namespace qrun {
namespace {

/// Synthetic digits, drawn when the first one is asked for: who only checks a configuration needs none.
class DigitsDataset : public Dataset {
 public:
  DigitsDataset(std::int64_t items, std::uint64_t seed, Split split) : items_(items), seed_(seed), split_(split) {}

  [[nodiscard]] Shape shape() const override { return {1, kDigitSize, kDigitSize}; }
  [[nodiscard]] std::int64_t items() const override { return items_; }
  [[nodiscard]] Item item(std::int64_t index) const override { return drawn().item(index); }
  [[nodiscard]] std::int32_t label(std::int64_t index) const override { return digit_label(seed_, split_, index); }
  [[nodiscard]] DataSource memory() const override { return drawn().memory(); }
  [[nodiscard]] const Contents& contents() const override { return drawn().contents(); }

 private:
  [[nodiscard]] const MemoryDataset& drawn() const {
    std::call_once(once_, [this] {
      std::vector<std::int32_t> labels;
      for (std::int64_t i = 0; i < items_; ++i) labels.push_back(label(i));
      std::vector<std::uint8_t> pixels = draw_digits(items_, seed_, split_);
      Contents contents = contents_of_digits(pixels, labels);
      drawn_.emplace(shape(), std::move(pixels), std::vector<float>{}, std::move(labels), std::move(contents));
    });
    return *drawn_;
  }

  std::int64_t items_;
  std::uint64_t seed_;
  Split split_;
  mutable std::once_flag once_;
  mutable std::optional<MemoryDataset> drawn_;
};

std::shared_ptr<const Dataset> digits(const SourceSpec& source, Split split) {
  const std::int64_t bytes = times(source.synthetic_digits, kDigitSize * kDigitSize);
  if (const std::int64_t usable = usable_memory(); bytes > usable) {
    throw EnvironmentError(to_string(source.position) +
                           ": synthetic_digits: " + std::to_string(source.synthetic_digits) + " take " +
                           gibibytes(bytes) + " of memory, this process can have " + gibibytes(usable) + "; use fewer");
  }
  return std::make_shared<DigitsDataset>(source.synthetic_digits, source.data_seed, split);
}

/// Sets in use, by what they are: a database is opened once in a process, and runs share what they read.
std::string identity(const SourceSpec& source, Split split) {
  if (!source.lmdb.empty()) return lmdb_identity(expand_home(source.lmdb));
  return std::to_string(source.synthetic_digits) + " digits " + std::to_string(source.data_seed) +
         (split == Split::kTest ? " test" : "");
}

const char* key_of(Split split) { return split == Split::kTrain ? "data.train.lmdb" : "data.test.lmdb"; }

}  // namespace

std::shared_ptr<const Dataset> open_dataset(const SourceSpec& source, Split split) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const Dataset>> sets;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const Dataset>& known = sets[identity(source, split)];
  if (std::shared_ptr<const Dataset> set = known.lock()) return set;
  try {
    std::shared_ptr<const Dataset> set =
        source.lmdb.empty() ? digits(source, split) : read_lmdb(expand_home(source.lmdb));
    known = set;
    return set;
  } catch (const EnvironmentError&) {
    throw;
  } catch (const std::runtime_error& error) {  // filesystem_error is one, too
    throw ConfigError(source.position, key_of(split), error.what());
  }
}

namespace {

/// Opens both sets. Throws ConfigError with the mistakes of both.
RunData open_both(const DataSpec& spec) {
  RunData data;
  std::vector<std::string> mistakes;
  const auto open = [&](const SourceSpec& source, Split split) -> std::shared_ptr<const Dataset> {
    try {
      return open_dataset(source, split);
    } catch (const ConfigError& error) {
      mistakes.insert(mistakes.end(), error.lines().begin(), error.lines().end());
      return nullptr;
    }
  };
  data.train = open(spec.train, Split::kTrain);
  data.test = open(spec.test, Split::kTest);
  if (!mistakes.empty()) throw ConfigError(std::move(mistakes));
  return data;
}

Shape padded_shape(const DataSpec& spec, const Shape& image) {
  return {image.c, image.h + 2 * spec.pad, image.w + 2 * spec.pad};
}

constexpr std::int64_t kSample = 1000;

/// The labels of up to `count` items, each `step` behind the one before. Throws ConfigError where one is not to be had.
std::vector<std::int32_t> labels_of(const Dataset& set, const SourceSpec& source, Split split, std::int64_t count,
                                    std::int64_t step = 1) {
  std::vector<std::int32_t> labels;
  try {
    for (std::int64_t i = 0; i < std::min(count * step, set.items()); i += step) labels.push_back(set.label(i));
  } catch (const Error& error) {
    throw ConfigError(source.position, key_of(split), error.what());
  }
  return labels;
}

/// Throws ConfigError where the file of a mean image is not one of images of this shape.
std::shared_future<MeanImage> mean_image(const DataSpec& spec, const std::shared_ptr<const Dataset>& train) {
  const auto later = [](auto call) { return std::async(std::launch::deferred, std::move(call)).share(); };
  if (spec.mean_of_train) return later([train] { return mean_image_of(*train); });
  if (spec.mean_file.empty()) return {};
  MeanImage image;
  try {
    image = read_mean_image(spec.mean_file);
  } catch (const Error& error) {
    throw ConfigError(spec.mean_position, "data.mean.file", error.what());
  }
  if (image.shape != train->shape()) {
    throw ConfigError(spec.mean_position, "data.mean.file",
                      spec.mean_file + " is a mean image of " + to_string(image.shape) + ", but images are " +
                          to_string(train->shape()) + "; both must be equal");
  }
  return later([image] { return image; });
}

/// True where each class among the first labels is one block of them; a few labels, or a set of one class, say nothing.
bool is_sorted_by_class(const std::vector<std::int32_t>& labels, std::int64_t items) {
  constexpr std::int64_t kBlock = 10;  // labels on average
  std::int64_t blocks = 0;
  std::set<std::int32_t> classes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i == 0 || labels[i] != labels[i - 1]) ++blocks;
    classes.insert(labels[i]);
  }
  const bool has_more = blocks > 1 || items > std::ssize(labels);
  return blocks == std::ssize(classes) && std::ssize(labels) >= kBlock * blocks && has_more;
}

bool are_all_0(const std::vector<std::int32_t>& labels) {
  return std::ranges::all_of(labels, [](std::int32_t label) { return label == 0; });
}

/// True where all labels of a test database are 0; of a large one, those of items evenly spaced.
bool lacks_labels(const Dataset& set, const SourceSpec& source) {
  if (source.lmdb.empty()) return false;
  const std::int64_t step = set.memory().items > 0 ? 1 : std::max<std::int64_t>(1, set.items() / kSample);
  return are_all_0(labels_of(set, source, Split::kTest, ceil_div(set.items(), step), step));
}

}  // namespace

RunData open_data(const DataSpec& spec) {
  RunData data = open_both(spec);
  const Shape train = data.train->shape();
  const Shape test = data.test->shape();
  if (train != test) {
    throw ConfigError(
        spec.test.position, "data.test",
        "images of " + to_string(test) + ", but training images are " + to_string(train) + "; both must be equal");
  }
  const Shape padded = padded_shape(spec, train);
  if (spec.crop > padded.h || spec.crop > padded.w) {
    throw ConfigError(spec.crop_position, "data.crop",
                      std::to_string(spec.crop) + " is larger than the padded image " + to_string(padded) +
                          "; at most " + std::to_string(std::min(padded.h, padded.w)));
  }
  const auto means = static_cast<std::int64_t>(spec.mean.size());
  if (means > 1 && means != train.c) {
    throw ConfigError(spec.mean_position, "data.mean",
                      std::to_string(means) + " values for images of " + std::to_string(train.c) +
                          " channels; give one, or one a channel");
  }
  data.mean_image = mean_image(spec, data.train);
  data.shape = input_shape(spec, train);
  const std::vector<std::int32_t> train_labels = labels_of(*data.train, spec.train, Split::kTrain, kSample);
  const std::vector<std::int32_t> test_labels = labels_of(*data.test, spec.test, Split::kTest, kSample);
  data.largest_label = std::max(std::ranges::max(train_labels), std::ranges::max(test_labels));
  data.is_sorted = is_sorted_by_class(train_labels, data.train->items());
  data.test_lacks_labels = are_all_0(test_labels) && lacks_labels(*data.test, spec.test);
  return data;
}

Shape input_shape(const DataSpec& spec, const Shape& image) {
  return spec.crop > 0 ? Shape{image.c, spec.crop, spec.crop} : padded_shape(spec, image);
}

DataRecord record_of(const DataSpec& spec, const RunData& data, bool draw) {
  const auto record = [draw](const SourceSpec& source, const Dataset& set) {
    const bool reads = draw || !source.lmdb.empty();
    return SetRecord{reads ? set.contents() : Contents{}, source.lmdb, source.batch_size};
  };
  std::error_code code;
  return {.train = record(spec.train, *data.train),
          .test = record(spec.test, *data.test),
          .mean_hash = data.mean_image.valid() && (draw || !spec.mean_of_train) ? hash_of(data.mean_image.get()) : "",
          .init_from_hash = {},
          .working_directory = std::filesystem::current_path(code).string()};
}

}  // namespace qrun
