// Batches out of data sets on the device.
#include "cuda/kernels.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

/// A thread a pixel; the first of an image brings its label, too.
__global__ void gather_pixels(std::int64_t n, std::int64_t size, GatherOperands g) {
  const std::int64_t i = element();
  if (i >= n * size) return;
  const std::int64_t run = blockIdx.y;
  const DataSource& source = g.sources[run];
  const ImageTransform& t = source.transform;
  const std::int64_t image = i / size;
  const std::int64_t pixel = i % size;
  std::int64_t position = g.first + image;
  std::int64_t item = position;
  if (g.order != nullptr) {
    const RunControl& control = g.control[run];
    position = control.iteration * n + image;
    item = g.order[run * g.order_stride + control.step * n + image];
  }
  const ImagePlace place = place_of(t, position);
  const std::int64_t c = pixel / (t.out.h * t.out.w);
  const std::int64_t y = pixel / t.out.w % t.out.h;
  const std::int64_t x = pixel % t.out.w;
  const std::int64_t begin = item * t.in.size();
  g.images.data[run * g.images.stride + i] = source.bytes != nullptr
                                                 ? image_pixel(t, place, source.bytes + begin, c, y, x)
                                                 : image_pixel(t, place, source.floats + begin, c, y, x);
  if (pixel == 0) g.labels[run * g.labels_stride + image] = source.labels[item];
}

}  // namespace

void gather(const Scope& scope, std::int64_t size, const GatherOperands& operands) {
  launch(scope.stream, elements_grid(scope.n * size, scope.runs), gather_pixels, scope.n, size, operands);
}

}  // namespace qrun::cuda
