// CUDA's host functions with errors checked, and owners for what they give.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"

namespace qrun::cuda {

/// Throws EnvironmentError naming the call and the reason; where memory ran out an Error, for a smaller pack may fit.
void check(cudaError_t error, const char* call);

/// Returns how many multiprocessors the device in use has.
[[nodiscard]] int multiprocessors();

struct OnDevice {
  static void take(void** memory, std::size_t bytes) { check(cudaMalloc(memory, bytes), "cudaMalloc"); }
  static void give(void* memory) { cudaFree(memory); }
};
/// Memory of the host, that the device copies from and to while both go on.
struct Pinned {
  static void take(void** memory, std::size_t bytes) {
    check(cudaHostAlloc(memory, bytes, cudaHostAllocDefault), "cudaHostAlloc");
  }
  static void give(void* memory) { cudaFreeHost(memory); }
};

/// `n` values of plain data; what they are at the start is undefined.
template <class T, class Memory>
class Array {
 public:
  Array() = default;
  explicit Array(std::int64_t n) : size_(n) {
    void* memory = nullptr;
    if (n > 0) Memory::take(&memory, static_cast<std::size_t>(n) * sizeof(T));
    data_ = static_cast<T*>(memory);
  }
  ~Array() { Memory::give(data_); }
  Array(Array&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::int64_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};
template <class T>
using DeviceArray = Array<T, OnDevice>;
template <class T>
using PinnedArray = Array<T, Pinned>;

class Event;

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate"); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  [[nodiscard]] cudaStream_t get() const { return stream_; }

  void wait() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }
  /// What comes next here waits for what the event was recorded behind.
  void wait_for(const Event& event) const;

  template <class T>
  void upload(T* to, const T* from, std::int64_t n) const {
    copy(to, from, n, cudaMemcpyHostToDevice);
  }
  template <class T>
  void download(T* to, const T* from, std::int64_t n) const {
    copy(to, from, n, cudaMemcpyDeviceToHost);
  }
  /// Copies `rows` of `n` values each, side by side on the host, `stride` apart on the device.
  template <class T>
  void upload_rows(T* to, std::int64_t stride, const T* from, std::int64_t n, std::int64_t rows) const {
    const auto bytes = [](std::int64_t values) { return static_cast<std::size_t>(values) * sizeof(T); };
    check(cudaMemcpy2DAsync(to, bytes(stride), from, bytes(n), bytes(n), static_cast<std::size_t>(rows),
                            cudaMemcpyHostToDevice, stream_),
          "cudaMemcpy2D");
  }
  template <class T>
  void zero(T* memory, std::int64_t n) const {
    if (n > 0) check(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(n) * sizeof(T), stream_), "cudaMemset");
  }
  /// Reads `n` values from the device, and waits for them.
  template <class T>
  [[nodiscard]] std::vector<T> read(const T* from, std::int64_t n) const {
    std::vector<T> values(static_cast<std::size_t>(n));
    download(values.data(), from, n);
    wait();
    return values;
  }
  /// Writes values to the device, and waits: they may be gone afterwards.
  template <class T>
  void write(T* to, std::type_identity_t<std::span<const T>> values) const {
    upload(to, values.data(), std::ssize(values));
    wait();
  }

 private:
  template <class T>
  void copy(T* to, const T* from, std::int64_t n, cudaMemcpyKind kind) const {
    if (n > 0) check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(n) * sizeof(T), kind, stream_), "cudaMemcpy");
  }

  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  [[nodiscard]] cudaEvent_t get() const { return event_; }
  void record(const Stream& stream) { check(cudaEventRecord(event_, stream.get()), "cudaEventRecord"); }
  void wait() const { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }

 private:
  cudaEvent_t event_ = nullptr;
};

inline void Stream::wait_for(const Event& event) const {
  check(cudaStreamWaitEvent(stream_, event.get(), 0), "cudaStreamWaitEvent");
}

/// A second stream beside a main one, for work that nothing on the main one waits for until they join.
class Branch {
 public:
  [[nodiscard]] cudaStream_t get() const { return side_.get(); }
  /// What comes next on the branch comes behind all that was submitted to `main`.
  void fork(const Stream& main) {
    point_.record(main);
    side_.wait_for(point_);
  }
  void join(const Stream& main) {
    point_.record(side_);
    main.wait_for(point_);
  }

 private:
  Stream side_;
  Event point_;
};

/// Launches noted once and replayed as one.
class Graph {
 public:
  Graph() = default;
  ~Graph() { reset(); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  [[nodiscard]] bool empty() const { return executable_ == nullptr; }

  /// Notes what `work` submits to the stream. Relaxed, for a kernel's first launch loads its code, which may allocate.
  template <class Work>
  void capture(const Stream& stream, const Work& work) {
    reset();
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
    cudaGraph_t graph = nullptr;
    try {
      work();
    } catch (...) {  // a stream that goes on noting would refuse whatever comes next, freeing memory included
      if (cudaStreamEndCapture(stream.get(), &graph) == cudaSuccess) cudaGraphDestroy(graph);
      throw;
    }
    check(cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture");
    const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check(error, "cudaGraphInstantiate");
  }
  void launch(const Stream& stream) const { check(cudaGraphLaunch(executable_, stream.get()), "cudaGraphLaunch"); }

 private:
  void reset() {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    executable_ = nullptr;
  }
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace qrun::cuda
