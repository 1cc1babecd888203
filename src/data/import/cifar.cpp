#include "data/import/cifar.h"

#include "core/error.h"

namespace qrun {

void append_cifar_binary(std::span<const std::uint8_t> batch, const CifarLabels& labels, const std::string& path,
                         LabelledImages& set) {
  const auto pixels = static_cast<std::size_t>(kCifarShape.size());
  const std::size_t record = labels.bytes + pixels;
  if (batch.empty() || batch.size() % record != 0) {
    throw Error(path + ": " + std::to_string(batch.size()) + " bytes are no whole number of records of " +
                std::to_string(record));
  }
  for (std::size_t at = 0; at < batch.size(); at += record) {
    const std::uint8_t label = batch[at + labels.bytes - 1];
    if (label >= labels.classes) {
      throw Error(path + ": label " + std::to_string(label) + " of record " + std::to_string(at / record) +
                  " is none of " + std::to_string(labels.classes) + " classes");
    }
    const auto image = batch.subspan(at + labels.bytes, pixels);
    set.pixels.insert(set.pixels.end(), image.begin(), image.end());
    set.labels.push_back(label);
  }
}

}  // namespace qrun
