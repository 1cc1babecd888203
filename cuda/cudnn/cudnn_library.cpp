#include "cuda/cudnn/cudnn_library.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"

namespace qrun::cuda {
namespace {

/// Throws EnvironmentError naming the call and the library's reason.
void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 256> more{};
  cudnnGetLastErrorString(more.data(), more.size());
  throw EnvironmentError(std::string("cudnn: ") + call + ": " + cudnnGetErrorString(status) +
                         (more[0] == 0 ? "" : std::string(" (") + more.data() + ")"));
}

/// True for Winograd's and Fourier's, which round more than a sum of products does, and not by its measure.
bool is_transform(cudnnConvolutionFwdAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_FWD_ALGO_FFT || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED;
}
bool is_transform(cudnnConvolutionBwdDataAlgo_t algorithm) {
  return algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 && algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
}
bool is_transform(cudnnConvolutionBwdFilterAlgo_t algorithm) {
  return algorithm != CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 && algorithm != CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 &&
         algorithm != CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3;
}

/// TF32 may come under either name of tensor cores; the name that allows conversion stands for half precision.
bool is_allowed(cudnnMathType_t math, bool tf32) {
  return math == CUDNN_FMA_MATH || (tf32 && (math == CUDNN_DEFAULT_MATH || math == CUDNN_TENSOR_OP_MATH));
}

/// Returns a name for files: 1/fma.
std::string name_of(int algorithm, cudnnMathType_t math) {
  const std::string number = std::to_string(algorithm);
  switch (math) {
    case CUDNN_DEFAULT_MATH: return number + "/default";
    case CUDNN_TENSOR_OP_MATH: return number + "/tensor";
    case CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION: return number + "/half";
    case CUDNN_FMA_MATH: return number + "/fma";
  }
  return number + "/" + std::to_string(static_cast<int>(math));
}

/// Status codes of one kind share their thousands.
bool is_not_supported(cudnnStatus_t status) {
  return static_cast<int>(status) / 1000 == static_cast<int>(CUDNN_STATUS_NOT_SUPPORTED) / 1000;
}

}  // namespace

template <class T, cudnnStatus_t (*create)(T*), cudnnStatus_t (*destroy)(T)>
CudnnOwned<T, create, destroy>::CudnnOwned() {
  check(create(&owned_), "create");
}

CudnnLibrary::Chosen::Chosen(const LibraryConv& of) : direction(of.direction) {
  const auto whole = [](std::int64_t v) { return static_cast<int>(v); };
  const ConvShape& s = of.s;
  const auto set = [&](const CudnnTensor& tensor, std::int64_t c, std::int64_t height, std::int64_t width) {
    check(cudnnSetTensor4dDescriptor(tensor.get(), CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, whole(of.n), whole(c),
                                     whole(height), whole(width)),
          "cudnnSetTensor4dDescriptor");
  };
  set(x, s.c, s.h, s.w);
  set(y, s.o, s.out_h(), s.out_w());
  check(cudnnSetFilter4dDescriptor(w.get(), CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, whole(s.o), whole(s.c / s.groups),
                                   whole(s.k.h), whole(s.k.w)),
        "cudnnSetFilter4dDescriptor");
  check(cudnnSetConvolution2dDescriptor(conv.get(), whole(s.pad.h), whole(s.pad.w), whole(s.stride.h),
                                        whole(s.stride.w), whole(s.dilation.h), whole(s.dilation.w),
                                        CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor");
  check(cudnnSetConvolutionGroupCount(conv.get(), whole(s.groups)), "cudnnSetConvolutionGroupCount");
  // FMA forbids tensor cores; the default lets float32 be rounded to TF32.
  check(cudnnSetConvolutionMathType(conv.get(), of.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH),
        "cudnnSetConvolutionMathType");
}

std::size_t supported_version() {
  const std::size_t version = cudnnGetVersion();
  const std::size_t major = version / (version < 90000 ? 1000 : 10000);  // 8.9.7 is 8907, 9.1.0 is 90100
  if (major != CUDNN_MAJOR)
    throw EnvironmentError("libcudnn is of version " + std::to_string(major) + ", this needs " +
                           std::to_string(CUDNN_MAJOR));
  return version;
}

CudnnLibrary::CudnnLibrary() = default;

std::string CudnnLibrary::name() const { return "cudnn " + std::to_string(version_); }

template <class Perf, class Ask>
std::vector<CudnnLibrary::Answer> CudnnLibrary::ask(const Ask& ask) {
  std::array<Perf, 32> found{};  // more than there are algorithms, each with several maths
  int count = 0;
  const cudnnStatus_t status = ask(static_cast<int>(found.size()), &count, found.data());
  if (is_not_supported(status)) return {};
  check(status, "cudnnGetConvolution*Algorithm_v7");
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const Perf& answer = found[i];
    answers.push_back({.algorithm = static_cast<int>(answer.algo),
                       .math = answer.mathType,
                       .workspace = answer.memory,
                       .works = answer.status == CUDNN_STATUS_SUCCESS,
                       .is_deterministic = answer.determinism == CUDNN_DETERMINISTIC,
                       .is_transform = is_transform(answer.algo)});
  }
  return answers;
}

/// Returns the library's answers, in its order.
std::vector<CudnnLibrary::Answer> CudnnLibrary::answers_to(const Chosen& c) const {
  switch (c.direction) {
    case Direction::kForward:
      return ask<cudnnConvolutionFwdAlgoPerf_t>([&](int most, int* count, auto* found) {
        return cudnnGetConvolutionForwardAlgorithm_v7(handle_.get(), c.x.get(), c.w.get(), c.conv.get(), c.y.get(),
                                                      most, count, found);
      });
    case Direction::kData:
      return ask<cudnnConvolutionBwdDataAlgoPerf_t>([&](int most, int* count, auto* found) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle_.get(), c.w.get(), c.y.get(), c.conv.get(), c.x.get(),
                                                           most, count, found);
      });
    case Direction::kWeight:
      return ask<cudnnConvolutionBwdFilterAlgoPerf_t>([&](int most, int* count, auto* found) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_.get(), c.x.get(), c.y.get(), c.conv.get(),
                                                             c.w.get(), most, count, found);
      });
  }
  return {};
}

std::optional<LibraryPath> CudnnLibrary::choose(const LibraryConv& conv) {
  Chosen chosen(conv);
  const std::vector<Answer> answers = answers_to(chosen);
  const auto answer = std::ranges::find_if(answers, [&](const Answer& a) {
    return a.works && a.is_deterministic && !a.is_transform && is_allowed(a.math, conv.tf32) &&
           a.workspace <= static_cast<std::size_t>(kLargestWorkspace);
  });
  if (answer == answers.end()) return std::nullopt;
  chosen.answer = *answer;
  check(cudnnSetConvolutionMathType(chosen.conv.get(), answer->math), "cudnnSetConvolutionMathType");
  chosen_.push_back(std::move(chosen));
  return LibraryPath{.id = static_cast<int>(chosen_.size()) - 1,
                     .text = name_of(answer->algorithm, answer->math),
                     .workspace = static_cast<std::int64_t>(answer->workspace)};
}

std::string CudnnLibrary::answers(const LibraryConv& conv) const {
  std::string text;
  for (const Answer& a : answers_to(Chosen(conv))) {
    text += (text.empty() ? "" : ", ") + name_of(a.algorithm, a.math);
    if (!a.works) text += " does not work";
    if (a.is_transform) text += " transform";
    if (!a.is_deterministic) text += " varies";
    text += " " + std::to_string(a.workspace >> 10) + "K";
  }
  return text;
}

void CudnnLibrary::run(int id, cudaStream_t stream, const LibraryOperands& on) {
  const Chosen& c = chosen_.at(static_cast<std::size_t>(id));
  const float one = 1;
  const float zero = 0;
  void* space = c.answer.workspace > 0 ? on.workspace : nullptr;
  check(cudnnSetStream(handle_.get(), stream), "cudnnSetStream");
  switch (c.direction) {
    case Direction::kForward:
      return check(cudnnConvolutionForward(handle_.get(), &one, c.x.get(), on.x, c.w.get(), on.w, c.conv.get(),
                                           static_cast<cudnnConvolutionFwdAlgo_t>(c.answer.algorithm), space,
                                           c.answer.workspace, &zero, c.y.get(), on.y),
                   "cudnnConvolutionForward");
    case Direction::kData:
      return check(cudnnConvolutionBackwardData(handle_.get(), &one, c.w.get(), on.w, c.y.get(), on.y, c.conv.get(),
                                                static_cast<cudnnConvolutionBwdDataAlgo_t>(c.answer.algorithm), space,
                                                c.answer.workspace, &zero, c.x.get(), on.x),
                   "cudnnConvolutionBackwardData");
    case Direction::kWeight:
      return check(cudnnConvolutionBackwardFilter(handle_.get(), &one, c.x.get(), on.x, c.y.get(), on.y, c.conv.get(),
                                                  static_cast<cudnnConvolutionBwdFilterAlgo_t>(c.answer.algorithm),
                                                  space, c.answer.workspace, &zero, c.w.get(), on.w),
                   "cudnnConvolutionBackwardFilter");
  }
}

}  // namespace qrun::cuda
