// Batches out of data sets on the device.
#include "cuda/divisor.h"
#include "cuda/kernels.h"
#include "cuda/launch.cuh"

namespace qrun::cuda {
namespace {

constexpr int kPart = 1024;  // pixels of a block, of one image

/// The shape that all images of a batch have.
struct Pixels {
  int size;
  Divisor by_parts, by_plane, by_width;
};

/// The first thread of an image brings its label, too.
__global__ void gather_kernel(int n, Pixels pixels, GatherOperands g) {
  const int image = pixels.by_parts.quotient(static_cast<int>(blockIdx.x));
  const int begin = (static_cast<int>(blockIdx.x) - image * pixels.by_parts.value()) * kPart;
  const int end = begin + kPart < pixels.size ? begin + kPart : pixels.size;
  const std::int64_t run = blockIdx.y;
  const DataSource& source = g.sources[run];
  const ImageTransform& t = source.transform;
  std::int64_t position = g.first + image;
  std::int64_t item = position;
  if (g.order != nullptr) {
    const RunControl& control = g.control[run];
    if (control.diverged != kNowhere) return;  // its order ended with it
    position = (control.iteration * g.batches + control.batch) * n + image;
    item = g.order[run * g.order_stride + (control.step * g.batches + control.batch) * n + image];
  }
  const ImagePlace place = place_of(t, position);
  const std::int64_t from = item * t.in.size();
  float* const to = g.images.data + run * g.images.stride + static_cast<std::int64_t>(image) * pixels.size;
#pragma unroll 4
  for (int pixel = begin + static_cast<int>(threadIdx.x); pixel < end; pixel += static_cast<int>(kThreads)) {
    const int c = pixels.by_plane.quotient(pixel);
    const int in_plane = pixel - c * pixels.by_plane.value();
    const int y = pixels.by_width.quotient(in_plane);
    const int x = in_plane - y * pixels.by_width.value();
    to[pixel] = source.bytes != nullptr ? image_pixel(t, place, source.bytes + from, c, y, x)
                                        : image_pixel(t, place, source.floats + from, c, y, x);
  }
  if (begin == 0 && threadIdx.x == 0) g.labels[run * g.labels_stride + image] = source.labels[item];
}

}  // namespace

void gather(const Scope& scope, const Shape& image, const GatherOperands& operands) {
  const auto size = static_cast<int>(image.size());
  const auto parts = static_cast<int>(ceil_div(size, kPart));
  const Pixels pixels{size, Divisor(parts), Divisor(static_cast<int>(image.h * image.w)),
                      Divisor(static_cast<int>(image.w))};
  const dim3 grid(static_cast<unsigned>(scope.n * parts), static_cast<unsigned>(scope.runs));
  launch(scope.stream, grid, gather_kernel, static_cast<int>(scope.n), pixels, operands);
}

}  // namespace qrun::cuda
