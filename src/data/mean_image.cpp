#include "data/mean_image.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash128.h"
#include "core/home.h"
#include "data/mean_image.pb.h"

namespace qrun {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 26;  // values: what claims more is believed damaged

Shape shape_of(const proto::BlobProto& blob) {
  if (!blob.has_shape()) return {blob.channels(), blob.height(), blob.width()};
  const auto& dims = blob.shape().dim();
  const int outer = dims.size() - 3;  // in front of channels: images, of which there is one
  if (outer < 0 || outer > 1 || (outer == 1 && dims[0] != 1)) return {};
  return {dims[outer], dims[outer + 1], dims[outer + 2]};
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) throw Error("cannot read the mean image " + path);
  return bytes;
}

}  // namespace

MeanImage MeanSum::mean() const {
  MeanImage image{shape_, {}};
  for (const double sum : sums_) image.values.push_back(static_cast<float>(sum / static_cast<double>(images_)));
  return image;
}

MeanImage mean_image_of(const Dataset& set) {
  MeanSum sum(set.shape());
  for (std::int64_t i = 0; i < set.items(); ++i) {
    const Item item = set.item(i);
    item.bytes.empty() ? sum.add(item.floats) : sum.add(item.bytes);
  }
  return sum.mean();
}

MeanImage read_mean_image(const std::string& path) {
  proto::BlobProto blob;
  if (!blob.ParseFromString(bytes_of(expand_home(path)))) throw Error(path + ": not a Caffe BlobProto");
  const Shape shape = shape_of(blob);
  if (shape.c < 1 || shape.h < 1 || shape.w < 1 || shape.size() > kLargest)
    throw Error(path + ": not one image, of channels, height and width");
  MeanImage image{shape, {blob.data().begin(), blob.data().end()}};
  if (image.values.empty()) image.values.assign(blob.double_data().begin(), blob.double_data().end());
  if (std::ssize(image.values) != shape.size()) {
    throw Error(path + ": " + std::to_string(image.values.size()) + " values where its shape " + to_string(shape) +
                " says " + std::to_string(shape.size()));
  }
  for (const float value : image.values) {
    if (!std::isfinite(value)) throw Error(path + ": holds a value that is not finite");
  }
  return image;
}

void write_mean_image(const std::string& path, const MeanImage& image) {
  proto::BlobProto blob;
  blob.set_num(1);
  blob.set_channels(static_cast<std::int32_t>(image.shape.c));
  blob.set_height(static_cast<std::int32_t>(image.shape.h));
  blob.set_width(static_cast<std::int32_t>(image.shape.w));
  blob.mutable_data()->Add(image.values.begin(), image.values.end());
  const std::string bytes = blob.SerializeAsString();
  write_atomically(path, std::as_bytes(std::span(bytes)));
}

std::string hash_of(const MeanImage& image) {
  Hash128 hash;
  for (const std::int64_t side : {image.shape.c, image.shape.h, image.shape.w})
    hash.add(static_cast<std::uint64_t>(side));
  hash.add(std::as_bytes(std::span(image.values)));
  return hash.text();
}

}  // namespace qrun
