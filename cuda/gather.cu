// Batches out of data sets on the device.
#include "cuda/divisor.h"
#include "cuda/kernels.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

/// The shape that all images of a batch have.
struct Pixels {
  Divisor by_image, by_plane, by_width;
};

/// A thread a pixel; the first of an image brings its label, too.
__global__ void gather_kernel(int n, Pixels pixels, GatherOperands g) {
  const int i = element();
  const int image = pixels.by_image.quotient(i);
  if (image >= n) return;
  const std::int64_t run = blockIdx.y;
  const DataSource& source = g.sources[run];
  const ImageTransform& t = source.transform;
  std::int64_t position = g.first + image;
  std::int64_t item = position;
  if (g.order != nullptr) {
    const RunControl& control = g.control[run];
    if (control.diverged != kNowhere) return;  // its order ended with it
    position = control.iteration * n + image;
    item = g.order[run * g.order_stride + control.step * n + image];
  }
  const ImagePlace place = place_of(t, position);
  const int pixel = i - image * pixels.by_image.value();
  const int c = pixels.by_plane.quotient(pixel);
  const int in_plane = pixel - c * pixels.by_plane.value();
  const int y = pixels.by_width.quotient(in_plane);
  const int x = in_plane - y * pixels.by_width.value();
  const std::int64_t begin = item * t.in.size();
  g.images.data[run * g.images.stride + i] = source.bytes != nullptr
                                                 ? image_pixel(t, place, source.bytes + begin, c, y, x)
                                                 : image_pixel(t, place, source.floats + begin, c, y, x);
  if (pixel == 0) g.labels[run * g.labels_stride + image] = source.labels[item];
}

}  // namespace

void gather(const Scope& scope, const Shape& image, const GatherOperands& operands) {
  const auto divisor = [](std::int64_t d) { return Divisor(static_cast<int>(d)); };
  const Pixels pixels{divisor(image.size()), divisor(image.h * image.w), divisor(image.w)};
  launch(scope.stream, elements_grid(scope.n * image.size(), scope.runs), gather_kernel, static_cast<int>(scope.n),
         pixels, operands);
}

}  // namespace qrun::cuda
