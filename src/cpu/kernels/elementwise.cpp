// Element-wise loops over the formulas of src/quant and src/math. They are plain, and the compiler vectorises them for
// each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/elementwise.cpp"
#include <hwy/foreach_target.h>  // must come first
#include <hwy/highway.h>

#include "cpu/kernels/kernel_files.h"
#include "math/relu.h"
#include "quant/all.h"

HWY_BEFORE_NAMESPACE();
namespace qrun::cpu::HWY_NAMESPACE {
namespace {  // the kernel files share this namespace

template <class Q>
HWY_INLINE void quantize_loop(const QParams& params, const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
                              std::int64_t n) {
  const QParams p = params;
  for (std::int64_t i = 0; i < n; ++i) y[i] = decode(Q::code(x[i], p), p);
}

void quantize(int method, const QParams& params, const float* x, float* y, std::int64_t n) {
  AllQuantizers::visit(method, [&]<class Q>() HWY_ATTR { quantize_loop<Q>(params, x, y, n); });
}

template <class Q>
HWY_INLINE void mask_loop(const QParams& params, const float* x, const float* dy, float* dx, std::int64_t n) {
  const QParams p = params;
  for (std::int64_t i = 0; i < n; ++i) {
    const float gradient = dy[i];
    dx[i] = Q::saturates(x[i], p) ? 0.0f : gradient;
  }
}

void mask_saturated(int method, const QParams& params, const float* x, const float* dy, float* dx, std::int64_t n) {
  AllQuantizers::visit(method, [&]<class Q>() HWY_ATTR { mask_loop<Q>(params, x, dy, dx, n); });
}

void relu(const float* HWY_RESTRICT x, float* HWY_RESTRICT y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = qrun::relu(x[i]);
}

void relu_backward(const float* HWY_RESTRICT y, const float* HWY_RESTRICT dy, float* HWY_RESTRICT dx, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dx[i] = relu_gradient(y[i], dy[i]);
}

template <SolverType kType>
HWY_INLINE void update_loop(const UpdateParams& params, const float* HWY_RESTRICT g, float* HWY_RESTRICT w,
                            float* HWY_RESTRICT a, float* HWY_RESTRICT b, std::int64_t n) {
  const UpdateParams p = params;
  for (std::int64_t i = 0; i < n; ++i) {
    float second = history_of(kType).count > 1 ? b[i] : 0.0f;
    qrun::update<kType>(w[i], g[i], a[i], second, p);
    if (history_of(kType).count > 1) b[i] = second;
  }
}

void update(SolverType type, const UpdateParams& p, const float* g, float* w, float* a, float* b, std::int64_t n) {
  switch (type) {
    case SolverType::kSgd: return update_loop<SolverType::kSgd>(p, g, w, a, b, n);
    case SolverType::kNesterov: return update_loop<SolverType::kNesterov>(p, g, w, a, b, n);
    case SolverType::kAdam: return update_loop<SolverType::kAdam>(p, g, w, a, b, n);
    case SolverType::kAdagrad: return update_loop<SolverType::kAdagrad>(p, g, w, a, b, n);
    case SolverType::kRmsprop: return update_loop<SolverType::kRmsprop>(p, g, w, a, b, n);
    case SolverType::kAdadelta: return update_loop<SolverType::kAdadelta>(p, g, w, a, b, n);
  }
}

}  // namespace

void fill_elementwise(Kernels& kernels) {
  kernels.quantize = &quantize;
  kernels.mask_saturated = &mask_saturated;
  kernels.relu = &relu;
  kernels.relu_backward = &relu_backward;
  kernels.update = &update;
}

}  // namespace qrun::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qrun::cpu {
HWY_EXPORT(fill_elementwise);
void fill_elementwise_kernels(Kernels& kernels) { HWY_DYNAMIC_DISPATCH(fill_elementwise)(kernels); }
}  // namespace qrun::cpu
#endif
