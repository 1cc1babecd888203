#include "data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/home.h"
#include "core/machine.h"
#include "core/sizes.h"
#include "data/contents.h"
#include "data/datum.h"
#include "data/digits.h"
#include "data/lmdb.h"
#include "data/mean_image.h"

namespace qrun {
namespace {

constexpr std::int64_t kKeepInMemory = std::int64_t{256} << 20;  // bytes; a larger set is read item by item

/// Everything in memory, as bytes or as floats.
class MemoryDataset : public Dataset {
 public:
  MemoryDataset(Shape shape, std::vector<std::uint8_t> bytes, std::vector<float> floats,
                std::vector<std::int32_t> labels, Contents contents)
      : shape_(shape),
        bytes_(std::move(bytes)),
        floats_(std::move(floats)),
        labels_(std::move(labels)),
        contents_(std::move(contents)) {}

  [[nodiscard]] Shape shape() const override { return shape_; }
  [[nodiscard]] std::int64_t items() const override { return static_cast<std::int64_t>(labels_.size()); }
  [[nodiscard]] Item item(std::int64_t index) const override {
    const auto size = static_cast<std::size_t>(shape_.size());
    const std::size_t first = static_cast<std::size_t>(index) * size;
    Item item;
    if (bytes_.empty()) {
      item.floats = {floats_.data() + first, size};
    } else {
      item.bytes = {bytes_.data() + first, size};
    }
    item.label = labels_[static_cast<std::size_t>(index)];
    return item;
  }
  [[nodiscard]] DataSource memory() const override {
    return {.bytes = bytes_.empty() ? nullptr : bytes_.data(),
            .floats = floats_.empty() ? nullptr : floats_.data(),
            .labels = labels_.data(),
            .items = items()};
  }
  [[nodiscard]] const Contents& contents() const override { return contents_; }

 private:
  Shape shape_;
  std::vector<std::uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<std::int32_t> labels_;
  Contents contents_;
};

/// Items read from the database when asked for.
class LmdbDataset : public Dataset {
 public:
  LmdbDataset(std::shared_ptr<const LmdbReader> reader, Shape shape, std::vector<std::string> keys, std::int64_t bytes)
      : reader_(std::move(reader)), shape_(shape), keys_(std::move(keys)), bytes_(bytes) {}

  [[nodiscard]] Shape shape() const override { return shape_; }
  [[nodiscard]] std::int64_t items() const override { return static_cast<std::int64_t>(keys_.size()); }
  [[nodiscard]] Item item(std::int64_t index) const override {
    thread_local proto::Datum datum;
    const std::string& key = keys_[static_cast<std::size_t>(index)];
    reader_->get(key, [&](std::string_view value) { parse_item(reader_->folder(), key, value, shape_, datum); });
    Item item;
    item.label = datum.label();
    if (datum.data().empty()) {
      item.floats = {datum.float_data().data(), static_cast<std::size_t>(datum.float_data_size())};
    } else {
      item.bytes = {reinterpret_cast<const std::uint8_t*>(datum.data().data()), datum.data().size()};
    }
    return item;
  }
  [[nodiscard]] const Contents& contents() const override {
    std::call_once(once_, [this] { contents_ = read_contents(); });
    return contents_;
  }

 private:
  [[nodiscard]] Contents read_contents() const {
    ContentsHash hash(items(), bytes_, shape_);
    while (hash.next() < items()) {
      const std::string& key = keys_[static_cast<std::size_t>(hash.next())];
      reader_->get(key, [&](std::string_view value) {
        proto::Datum datum;
        parse_item(reader_->folder(), key, value, shape_, datum);
        hash.add(std::as_bytes(std::span(value)), datum.label());
      });
    }
    return hash.contents();
  }

  std::shared_ptr<const LmdbReader> reader_;
  Shape shape_;
  std::vector<std::string> keys_;
  std::int64_t bytes_;  // of all values
  mutable std::once_flag once_;
  mutable Contents contents_;
};

std::shared_ptr<const Dataset> read_into_memory(const LmdbReader& reader, Shape shape, bool as_bytes) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> floats;
  std::vector<std::int32_t> labels;
  const std::int64_t values = reader.items() * shape.size();
  as_bytes ? bytes.reserve(static_cast<std::size_t>(values)) : floats.reserve(static_cast<std::size_t>(values));
  ContentsHash hash(reader.items(), reader.value_bytes(), shape);
  proto::Datum datum;
  reader.each([&](std::string_view key, std::string_view value) {
    parse_item(reader.folder(), key, value, shape, datum);
    if (hash.next() == std::ssize(labels)) hash.add(std::as_bytes(std::span(value)), datum.label());
    if (as_bytes == datum.data().empty()) bad_item(reader.folder(), key, "bytes and float_data in one database");
    const std::string& data = datum.data();
    bytes.insert(bytes.end(), data.begin(), data.end());
    floats.insert(floats.end(), datum.float_data().begin(), datum.float_data().end());
    labels.push_back(datum.label());
    return true;
  });
  return std::make_shared<MemoryDataset>(shape, std::move(bytes), std::move(floats), std::move(labels),
                                         hash.contents());
}

std::shared_ptr<const Dataset> read_lmdb(const std::string& folder) {
  auto reader = std::make_shared<const LmdbReader>(folder);
  if (reader->items() == 0) throw Error(folder + ": the database is empty");
  proto::Datum first;
  reader->each([&](std::string_view key, std::string_view value) {
    return parse_item(folder, key, value, std::nullopt, first), false;
  });
  const Shape shape{first.channels(), first.height(), first.width()};
  const bool as_bytes = !first.data().empty();
  if (reader->items() <= kKeepInMemory / shape.size() / (as_bytes ? 1 : 4))
    return read_into_memory(*reader, shape, as_bytes);
  std::vector<std::string> keys;
  std::int64_t bytes = 0;
  reader->each([&](std::string_view key, std::string_view value) {
    keys.emplace_back(key);
    bytes += static_cast<std::int64_t>(value.size());
    return true;
  });
  return std::make_shared<LmdbDataset>(std::move(reader), shape, std::move(keys), bytes);
}

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
  if (!source.lmdb.empty()) return expand_home(source.lmdb);
  return std::to_string(source.synthetic_digits) + " digits " + std::to_string(source.data_seed) +
         (split == Split::kTest ? " test" : "");
}

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
    const char* key = split == Split::kTrain ? "data.train.lmdb" : "data.test.lmdb";
    throw ConfigError(
        source.position, key,
        std::string(error.what()) + "; make one with `qrun data mnist --from DIR --to DIR`, or use synthetic_digits");
  }
}

namespace {

/// Both sets, or the mistakes of both.
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

/// True where each class among the first labels is one block of them; a few labels, or a set of one class, say nothing.
bool is_sorted_by_class(const Dataset& set) {
  constexpr std::int64_t kBlock = 10;  // labels on average
  const std::int64_t labels = std::min(kSample, set.items());
  std::int64_t blocks = 0;
  std::set<std::int32_t> classes;
  std::int32_t last = 0;
  for (std::int64_t i = 0; i < labels; ++i) {
    const std::int32_t label = set.label(i);
    if (i == 0 || label != last) ++blocks;
    classes.insert(last = label);
  }
  const bool has_more = blocks > 1 || set.items() > labels;
  return blocks == std::ssize(classes) && labels >= kBlock * blocks && has_more;
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

std::int32_t largest_label(const RunData& data) {
  std::int32_t largest = 0;
  for (const Dataset* set : {data.train.get(), data.test.get()}) {
    for (std::int64_t i = 0; i < std::min(kSample, set->items()); ++i) largest = std::max(largest, set->label(i));
  }
  return largest;
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
  data.largest_label = largest_label(data);
  data.is_sorted = is_sorted_by_class(*data.train);
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
