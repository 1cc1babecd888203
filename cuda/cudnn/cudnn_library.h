// Convolutions by cuDNN: the cudnnConvolution* calls, whose heuristic says of each answer whether it always gives the
// same bits. They are deprecated in cuDNN 9, and there; the graph API, which succeeds them, needs a compiler at run time.
#pragma once

#include <cudnn.h>

#include <vector>

#include "cuda/conv_library.h"

namespace qrun::cuda {

/// What cuDNN creates and destroys.
template <class T, cudnnStatus_t (*create)(T*), cudnnStatus_t (*destroy)(T)>
class CudnnOwned {
 public:
  CudnnOwned();  // throws EnvironmentError; in cudnn_library.cpp
  ~CudnnOwned() {
    if (owned_ != nullptr) destroy(owned_);
  }
  CudnnOwned(CudnnOwned&& other) noexcept : owned_(other.owned_) { other.owned_ = nullptr; }
  CudnnOwned(const CudnnOwned&) = delete;
  CudnnOwned& operator=(const CudnnOwned&) = delete;
  CudnnOwned& operator=(CudnnOwned&&) = delete;
  [[nodiscard]] T get() const { return owned_; }

 private:
  T owned_ = nullptr;
};
using CudnnHandle = CudnnOwned<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using CudnnTensor = CudnnOwned<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using CudnnFilter = CudnnOwned<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using CudnnConv =
    CudnnOwned<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;

/// Returns the version of the library that is loaded. Throws EnvironmentError where it is of another major one than
/// this was built with.
[[nodiscard]] std::size_t supported_version();

class CudnnLibrary : public ConvLibrary {
 public:
  CudnnLibrary();  // throws EnvironmentError
  [[nodiscard]] std::string name() const override;
  [[nodiscard]] std::optional<LibraryPath> choose(const LibraryConv& conv) override;
  [[nodiscard]] std::string answers(const LibraryConv& conv) const override;
  void run(int id, cudaStream_t stream, const LibraryOperands& on) override;

 private:
  struct Answer {
    int algorithm = 0;
    cudnnMathType_t math = CUDNN_FMA_MATH;
    std::size_t workspace = 0;
    bool works = false, is_deterministic = false, is_transform = false;
  };
  struct Chosen {
    explicit Chosen(const LibraryConv& of);  // throws EnvironmentError
    Direction direction;
    CudnnTensor x, y;
    CudnnFilter w;
    CudnnConv conv;
    Answer answer;
  };
  [[nodiscard]] std::vector<Answer> answers_to(const Chosen& c) const;
  template <class Perf, class Ask>
  [[nodiscard]] static std::vector<Answer> ask(const Ask& ask);

  std::size_t version_ = supported_version();
  CudnnHandle handle_;
  std::vector<Chosen> chosen_;  // run() knows them by their index
};

}  // namespace qrun::cuda
