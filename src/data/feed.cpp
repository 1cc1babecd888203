// A run's sequence of items, transformed, prepared ahead by a thread.
#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <numeric>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/machine.h"
#include "core/mutex.h"
#include "core/threads.h"
#include "data/dataset.h"
#include "math/rng.h"

namespace qrun {
namespace {

/// The order of a run's items: which of them stands at a position of its sequence.
class Order {
 public:
  Order(std::int64_t items, bool shuffle, std::uint64_t seed) : items_(items), shuffle_(shuffle), seed_(seed) {}

  std::int64_t item(std::int64_t position) {
    const std::int64_t pass = position / items_;
    if (!shuffle_) return position % items_;
    if (pass != pass_) permute(pass);
    return permutation_[static_cast<std::size_t>(position % items_)];
  }

 private:
  /// Shuffles as Fisher and Yates do, by the random numbers of this pass.
  void permute(std::int64_t pass) {
    permutation_.resize(static_cast<std::size_t>(items_));
    std::iota(permutation_.begin(), permutation_.end(), std::int64_t{0});
    const std::uint64_t first = static_cast<std::uint64_t>(pass) * static_cast<std::uint64_t>(items_);
    for (auto i = static_cast<std::uint64_t>(items_) - 1; i > 0; --i) {
      std::swap(permutation_[i], permutation_[random_below(seed_, stream::kShuffle, first + i, i + 1)]);
    }
    pass_ = pass;
  }

  std::int64_t items_;
  bool shuffle_;
  std::uint64_t seed_;
  std::int64_t pass_ = -1;
  std::vector<std::int64_t> permutation_;
};

std::vector<float> channel_means(const DataSpec& spec, std::int64_t channels) {
  std::vector<float> means;
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::size_t i = spec.mean.size() == 1 ? 0 : static_cast<std::size_t>(c);
    means.push_back(spec.mean.empty() ? 0.0F : static_cast<float>(spec.mean[i]));
  }
  return means;
}

/// An ImageTransform as the configuration says, applied to whole items.
class Transform {
 public:
  /// `mean_image` is valid where the mean is an image.
  Transform(const DataSpec& spec, Shape in, const std::shared_future<MeanImage>& mean_image, bool random,
            std::uint64_t seed)
      : mean_image_(mean_image), channel_means_(channel_means(spec, in.c)) {
    const Shape padded{in.c, in.h + 2 * spec.pad, in.w + 2 * spec.pad};
    transform_ = {.in = in,
                  .out = spec.crop > 0 ? Shape{in.c, spec.crop, spec.crop} : padded,
                  .pad = spec.pad,
                  .random = random,
                  .mirror = spec.mirror,
                  .seed = seed,
                  .scale = static_cast<float>(spec.scale),
                  .mean = mean_image.valid() ? mean_image.get().values.data() : channel_means_.data(),
                  .has_mean_image = mean_image.valid()};
  }
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;

  [[nodiscard]] const ImageTransform& get() const { return transform_; }

  void operator()(const Item& item, std::int64_t position, float* out) const {
    if (item.bytes.empty()) {
      apply(item.floats.data(), position, out);
    } else {
      apply(item.bytes.data(), position, out);
    }
  }

 private:
  template <class T>
  void apply(const T* pixels, std::int64_t position, float* out) const {
    const ImageTransform& t = transform_;
    if (t.out == t.in && !(t.random && t.mirror)) return normalise(pixels, out);
    const ImagePlace place = place_of(t, position);
    for (std::int64_t c = 0; c < t.out.c; ++c) {
      for (std::int64_t y = 0; y < t.out.h; ++y) {
        for (std::int64_t x = 0; x < t.out.w; ++x) *out++ = image_pixel(t, place, pixels, c, y, x);
      }
    }
  }
  /// Normalises a whole image as it lies.
  template <class T>
  void normalise(const T* pixels, float* out) const {
    const float scale = transform_.scale;
    const float* mean = transform_.mean;
    const std::int64_t n = transform_.in.size();
    if (transform_.has_mean_image) {
      for (std::int64_t i = 0; i < n; ++i) out[i] = normalised(pixels[i], mean[i], scale);
      return;
    }
    const std::int64_t plane = transform_.in.h * transform_.in.w;
    for (std::int64_t first = 0; first < n; first += plane, ++mean) {
      const float channel_mean = *mean;
      for (std::int64_t i = first; i < first + plane; ++i) out[i] = normalised(pixels[i], channel_mean, scale);
    }
  }

  std::shared_future<MeanImage> mean_image_;
  std::vector<float> channel_means_;
  ImageTransform transform_;
};

struct Slot {
  std::int64_t first = -1, n = 0;
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::exception_ptr error;
};

/// Guesses that the next call asks for the batch behind the last one, and has it ready.
class PrefetchedFeed : public Feed {
 public:
  PrefetchedFeed(const RunData& data, const DataSpec& spec, Split split, std::uint64_t seed, std::int64_t classes)
      : set_(split == Split::kTrain ? data.train : data.test),
        name_(split == Split::kTrain ? "data.train" : "data.test"),
        classes_(classes),
        threads_(set_->is_encoded() ? usable_processors() : 1),
        wraps_(split == Split::kTrain),
        order_(set_->items(), split == Split::kTrain && spec.train.shuffle, seed),
        asked_order_(order_),
        transform_(spec, set_->shape(), data.mean_image, split == Split::kTrain, seed) {}

  ~PrefetchedFeed() override {
    {
      const Lock lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  PrefetchedFeed(const PrefetchedFeed&) = delete;
  PrefetchedFeed& operator=(const PrefetchedFeed&) = delete;

  [[nodiscard]] Shape shape() const override { return transform_.get().out; }
  [[nodiscard]] std::int64_t items() const override { return set_->items(); }

  [[nodiscard]] std::optional<DataSource> source() const override {
    DataSource source = set_->memory();
    if (source.items == 0) return std::nullopt;
    for (std::int64_t i = 0; i < source.items; ++i) check_label(source.labels[i], i);
    source.transform = transform_.get();
    return source;
  }

  std::vector<std::int32_t> order(std::int64_t first, std::int64_t n) override {
    std::vector<std::int32_t> items;
    for (std::int64_t i = first; i < first + n; ++i) items.push_back(static_cast<std::int32_t>(asked_order_.item(i)));
    return items;
  }

  Batch fetch(std::int64_t first, std::int64_t n) override {
    Lock lock(mutex_);
    if (!thread_.joinable()) thread_ = start_thread([this] { loop(); });
    if (given_) pop();  // the batch of the last call is free now
    if (count_ == 0 || front().first != first || front().n != n) restart(lock, first, n);
    while (count_ == 0) ready_.wait(lock.to_wait());
    given_ = true;
    const Slot& slot = front();
    if (slot.error) std::rethrow_exception(slot.error);
    return {slot.images.data(), slot.labels.data(), n};
  }

 private:
  static constexpr std::size_t kSlots = 6;  // batches

  [[nodiscard]] Slot& front() QRUN_REQUIRES(mutex_) { return slots_[head_]; }
  void pop() QRUN_REQUIRES(mutex_) {
    given_ = false;
    head_ = (head_ + 1) % kSlots;
    --count_;
    if (count_ <= kSlots / 2) wake_.notify_one();  // in bursts: a thread is woken for several batches
  }
  /// Throws away what was guessed wrong and continues at `first`.
  void restart(Lock& lock, std::int64_t first, std::int64_t n) QRUN_REQUIRES(mutex_) {
    if (count_ == 0 && filling_ && next_ == first && batch_ == n) return;  // under way
    while (filling_) ready_.wait(lock.to_wait());
    count_ = 0;
    next_ = first;
    batch_ = n;
    wake_.notify_one();
  }

  /// Throws Error for a label that an engine would look up beyond its outputs.
  void check_label(std::int32_t label, std::int64_t index) const {
    if (label < classes_) return;
    throw Error(name_ + ": item " + std::to_string(index) + " has label " + std::to_string(label) +
                ", but the network has " + std::to_string(classes_) + " outputs");
  }

  void loop() {
    Lock lock(mutex_);
    while (!stop_) {
      const bool ended = !wraps_ && next_ >= items();
      if (count_ == kSlots || ended || batch_ == 0) {
        wake_.wait(lock.to_wait());
        continue;
      }
      filling_ = true;
      Slot& slot = slots_[(head_ + count_) % kSlots];
      slot.first = next_;
      slot.n = wraps_ ? batch_ : std::min(batch_, items() - next_);
      lock.unlock();
      fill(slot);
      lock.lock();
      filling_ = false;
      next_ = slot.first + slot.n;
      ++count_;
      ready_.notify_all();
    }
  }

  void fill(Slot& slot) {
    const std::int64_t size = shape().size();
    slot.error = nullptr;
    try {
      slot.images.resize(static_cast<std::size_t>(slot.n * size));
      slot.labels.resize(static_cast<std::size_t>(slot.n));
      indices_.clear();
      for (std::int64_t i = 0; i < slot.n; ++i) indices_.push_back(order_.item(slot.first + i));
      on_threads(threads_, slot.n, [&](std::int64_t i) {
        const std::int64_t index = indices_[static_cast<std::size_t>(i)];
        const Item item = set_->item(index);
        check_label(item.label, index);
        transform_(item, slot.first + i, slot.images.data() + i * size);
        slot.labels[static_cast<std::size_t>(i)] = item.label;
      });
    } catch (...) {
      slot.error = std::current_exception();
    }
  }

  std::shared_ptr<const Dataset> set_;
  std::string name_;
  std::int64_t classes_;
  std::int64_t threads_;  // that fill a batch
  bool wraps_;
  Order order_, asked_order_;  // the thread's, and that of order()
  Transform transform_;
  std::vector<std::int64_t> indices_;  // the thread's: items of the batch
  Mutex mutex_;
  std::array<Slot, kSlots> slots_ QRUN_GUARDED_BY(mutex_);  // but for the one being filled, which is the thread's
  std::size_t head_ QRUN_GUARDED_BY(mutex_) = 0;            // the first filled slot
  std::size_t count_ QRUN_GUARDED_BY(mutex_) = 0;           // of filled slots
  std::int64_t next_ QRUN_GUARDED_BY(mutex_) = 0;
  std::int64_t batch_ QRUN_GUARDED_BY(mutex_) = 0;
  bool given_ QRUN_GUARDED_BY(mutex_) = false;
  bool filling_ QRUN_GUARDED_BY(mutex_) = false;
  bool stop_ QRUN_GUARDED_BY(mutex_) = false;
  std::condition_variable wake_, ready_;
  std::thread thread_;
};

}  // namespace

std::shared_ptr<Feed> make_feed(const RunData& data, const DataSpec& spec, Split split, std::uint64_t seed,
                                std::int64_t classes) {
  QRUN_CHECK(data.mean_image.valid() == has_mean_image(spec), "the data were opened for this configuration");
  return std::make_shared<PrefetchedFeed>(data, spec, split, seed, classes);
}

}  // namespace qrun
