#include "data/lmdb_dataset.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/machine.h"
#include "core/threads.h"
#include "data/contents.h"
#include "data/datum.h"
#include "data/lmdb.h"
#include "data/lmdb_file.h"
#include "data/memory_dataset.h"

namespace qrun {
namespace {

constexpr std::int64_t kKeepInMemory = std::int64_t{256} << 20;  // bytes; a larger set is read item by item

/// What the first item says of all.
struct Form {
  Shape shape;
  bool as_bytes;
  bool is_encoded;
};

/// Items read from the database when asked for.
class LmdbDataset : public Dataset {
 public:
  LmdbDataset(std::shared_ptr<const LmdbReader> reader, const Form& form, std::vector<std::string> keys,
              std::int64_t bytes)
      : reader_(std::move(reader)), form_(form), keys_(std::move(keys)), bytes_(bytes) {}

  [[nodiscard]] Shape shape() const override { return form_.shape; }
  [[nodiscard]] std::int64_t items() const override { return static_cast<std::int64_t>(keys_.size()); }
  [[nodiscard]] bool is_encoded() const override { return form_.is_encoded; }
  [[nodiscard]] Item item(std::int64_t index) const override {
    thread_local proto::Datum datum;
    const std::string& key = key_of(index);
    reader_->get(key, [&](std::string_view value) { parse_item(reader_->path(), key, value, form_.shape, datum); });
    Item item;
    item.label = datum.label();
    if (datum.data().empty()) {
      item.floats = {datum.float_data().data(), static_cast<std::size_t>(datum.float_data_size())};
    } else {
      item.bytes = {reinterpret_cast<const std::uint8_t*>(datum.data().data()), datum.data().size()};
    }
    return item;
  }
  [[nodiscard]] std::int32_t label(std::int64_t index) const override {
    proto::Datum datum;
    const std::string& key = key_of(index);
    reader_->get(key, [&](std::string_view value) { parse_stored(reader_->path(), key, value, datum); });
    return datum.label();
  }
  [[nodiscard]] const Contents& contents() const override {
    std::call_once(once_, [this] { contents_ = read_contents(); });
    return contents_;
  }

 private:
  [[nodiscard]] const std::string& key_of(std::int64_t index) const { return keys_[static_cast<std::size_t>(index)]; }

  [[nodiscard]] Contents read_contents() const {
    ContentsHash hash(items(), bytes_, form_.shape);
    while (hash.next() < items()) {
      reader_->get(key_of(hash.next()),
                   [&](std::string_view value) { hash.add(std::as_bytes(std::span(value)), label_of(value)); });
    }
    return hash.contents();
  }

  std::shared_ptr<const LmdbReader> reader_;
  Form form_;
  std::vector<std::string> keys_;
  std::int64_t bytes_;  // of all values
  mutable std::once_flag once_;
  mutable Contents contents_;
};

/// Puts items one behind the other, many at a time: images are decoded side by side.
class MemoryFiller {
 public:
  MemoryFiller(const LmdbReader& reader, const Form& form)
      : path_(reader.path()),
        form_(form),
        threads_(form.is_encoded ? usable_processors() : 1),
        labels_(static_cast<std::size_t>(reader.items())),
        hash_(reader.items(), reader.value_bytes(), form.shape) {
    const auto values = static_cast<std::size_t>(reader.items() * form.shape.size());
    form.as_bytes ? bytes_.resize(values) : floats_.resize(values);
  }

  /// Adds an item, whose key and value the caller keeps until the set is complete.
  void add(std::string_view key, std::string_view value) {
    waiting_.emplace_back(key, value);
    if (waiting_.size() == kAtATime) flush();
  }

  std::shared_ptr<const Dataset> complete() {
    flush();
    return std::make_shared<MemoryDataset>(form_.shape, std::move(bytes_), std::move(floats_), std::move(labels_),
                                           hash_.contents());
  }

 private:
  static constexpr std::size_t kAtATime = 4096;

  void flush() {
    on_threads(threads_, std::ssize(waiting_), [this](std::int64_t i) { put(i); });
    for (const auto& [key, value] : waiting_) {
      if (hash_.next() == first_) hash_.add(std::as_bytes(std::span(value)), labels_[static_cast<std::size_t>(first_)]);
      ++first_;
    }
    waiting_.clear();
  }

  void put(std::int64_t i) {
    thread_local proto::Datum datum;
    const auto& [key, value] = waiting_[static_cast<std::size_t>(i)];
    parse_item(path_, key, value, form_.shape, datum);
    if (form_.as_bytes == datum.data().empty())
      bad_item(path_, key, "bytes and float_data in one database; write all items alike");
    const std::int64_t place = (first_ + i) * form_.shape.size();
    std::ranges::copy(datum.data(), bytes_.begin() + (form_.as_bytes ? place : 0));
    std::ranges::copy(datum.float_data(), floats_.begin() + (form_.as_bytes ? 0 : place));
    labels_[static_cast<std::size_t>(first_ + i)] = datum.label();
  }

  std::string path_;
  Form form_;
  std::int64_t threads_;
  std::int64_t first_ = 0;  // of those that wait
  std::vector<std::pair<std::string_view, std::string_view>> waiting_;
  std::vector<std::uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<std::int32_t> labels_;
  ContentsHash hash_;
};

Form form_of(const LmdbReader& reader) {
  proto::Datum first;
  reader.each([&](std::string_view key, std::string_view value) {
    return parse_item(reader.path(), key, value, std::nullopt, first), false;
  });
  return {.shape = {first.channels(), first.height(), first.width()},
          .as_bytes = !first.data().empty(),
          .is_encoded = first.encoded()};
}

}  // namespace

std::shared_ptr<const Dataset> read_lmdb(const std::string& path) {
  auto reader = std::make_shared<const LmdbReader>(path);
  if (reader->items() == 0) throw Error(path + ": the database is empty; " + kMakeADatabase);
  const Form form = form_of(*reader);
  if (reader->items() <= kKeepInMemory / form.shape.size() / (form.as_bytes ? 1 : 4)) {
    MemoryFiller filler(*reader, form);
    reader->each([&](std::string_view key, std::string_view value) { return filler.add(key, value), true; });
    return filler.complete();
  }
  std::vector<std::string> keys;
  std::int64_t bytes = 0;
  reader->each([&](std::string_view key, std::string_view value) {
    keys.emplace_back(key);
    bytes += static_cast<std::int64_t>(value.size());
    return true;
  });
  return std::make_shared<LmdbDataset>(std::move(reader), form, std::move(keys), bytes);
}

}  // namespace qrun
