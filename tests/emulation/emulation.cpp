#include <cuda_runtime.h>  // the one beside this file
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#if defined(QRUN_ADDRESS_SANITIZER)
#include <sanitizer/common_interface_defs.h>
#endif

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace qrun::emulation {

long long memory_left = -1;
int multiprocessors = 132;

/// A call of a graph, and the earlier ones that it has to wait for.
struct Node {
  std::function<void()> call;
  const Stream* stream;
  std::vector<std::size_t> after;
};
struct Graph {
  const Stream* origin;
  std::vector<Node> nodes;
  bool branches_first = true;  // in the next launch
};
struct Event {
  std::vector<std::size_t> after;  // what the stream had to do when it was recorded
};
struct Stream {
  std::vector<std::size_t> after;  // what its next call waits for, in the graph of `capture`
  int capture = 0;
};

namespace {

Graph* capturing = nullptr;
int captures = 0;

/// What the stream's next call has to wait for; nothing yet in a new graph.
std::vector<std::size_t>& pending(Stream& stream) {
  if (stream.capture != captures) stream.after.clear();
  stream.capture = captures;
  return stream.after;
}

constexpr std::size_t kStack = std::size_t{128} << 10;  // bytes

/// A stack and where it was left.
struct Context {
  ucontext_t start{};
  jmp_buf left{};
  bool started = true;
  const void* bottom = nullptr;
  std::size_t size = 0;
};

/// Goes on in `to`; returns when something goes on in `from`. A jump costs nanoseconds, swapcontext two system calls;
/// but AddressSanitizer follows only the latter.
void switch_to(Context& from, Context& to) {
#if defined(QRUN_ADDRESS_SANITIZER)
  void* kept = nullptr;
  __sanitizer_start_switch_fiber(&kept, to.bottom, to.size);
  swapcontext(&from.start, &to.start);
  __sanitizer_finish_switch_fiber(kept, nullptr, nullptr);
#else
  if (_setjmp(from.left) != 0) return;
  if (to.started) _longjmp(to.left, 1);
  to.started = true;
  setcontext(&to.start);
#endif
}

struct Fiber {
  Context context;
  std::vector<char> stack = std::vector<char>(kStack);
  dim3 thread;
};

/// The threads of one block. A fiber goes from thread to thread until one waits, so kernels without barriers never
/// switch.
class Block {
 public:
  void run(const std::function<void()>& body) {
    body_ = &body;
    next_ = 0;
    while (next_ < threads()) start(idle_fiber());
    while (!waiting_.empty()) {
      if (waiting_.size() != threads()) fail("some threads of a block ended while others wait at a barrier");
      std::vector<Fiber*> released;
      released.swap(waiting_);
      backwards_ = !backwards_;  // between two barriers no order may matter
      if (backwards_) std::ranges::reverse(released);
      for (Fiber* fiber : released) resume(*fiber);
    }
  }

  void wait() {
    Fiber& mine = *current_;
    mine.thread = threadIdx;
    waiting_.push_back(&mine);
    leave(mine);
    threadIdx = mine.thread;
  }

 private:
  [[nodiscard]] static std::size_t threads() { return std::size_t{blockDim.x} * blockDim.y * blockDim.z; }

  Fiber& idle_fiber() {
    if (idle_.empty()) {
      fibers_.push_back(std::make_unique<Fiber>());
      idle_.push_back(fibers_.back().get());
    }
    Fiber& fiber = *idle_.back();
    idle_.pop_back();
    return fiber;
  }
  void start(Fiber& fiber) {
    ucontext_t& start = fiber.context.start;
    getcontext(&start);
    start.uc_stack.ss_sp = fiber.stack.data();
    start.uc_stack.ss_size = fiber.stack.size();
    makecontext(&start, &Block::main, 0);
    fiber.context.started = false;
    fiber.context.bottom = fiber.stack.data();
    fiber.context.size = fiber.stack.size();
    resume(fiber);
  }
  /// Returns when the fiber waits or has no more threads to take.
  void resume(Fiber& fiber) {
    current_ = &fiber;
    switch_to(scheduler_, fiber.context);
  }
  void leave(Fiber& fiber) { switch_to(fiber.context, scheduler_); }
  static void main();
  void take_threads() {
#if defined(QRUN_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_.bottom, &scheduler_.size);
#endif
    while (next_ < threads()) {
      const auto t = static_cast<unsigned>(next_++);
      threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
      (*body_)();
    }
    idle_.push_back(current_);
    leave(*current_);  // for good
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_, waiting_;
  Fiber* current_ = nullptr;
  std::size_t next_ = 0;
  bool backwards_ = false;
  Context scheduler_;
};

Block the_block;

void Block::main() { the_block.take_threads(); }

cudaError_t allocate(void** memory, std::size_t bytes) {
  if (memory_left >= 0 && static_cast<long long>(bytes) > memory_left) return cudaErrorMemoryAllocation;
  if (memory_left >= 0) memory_left -= static_cast<long long>(bytes);
  *memory = std::malloc(bytes);
  std::memset(*memory, 0xff, bytes);  // NaN: nothing may rely on zeros
  return cudaSuccess;
}

}  // namespace

void fail(const char* problem) {
  std::fprintf(stderr, "emulated CUDA: %s\n", problem);
  std::abort();
}

int capture_under_way() { return capturing == nullptr ? 0 : captures; }

void run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  const bool fits = grid.x > 0 && grid.x < 1U << 31 && grid.y > 0 && grid.y < 1U << 16 && grid.z > 0 &&
                    grid.z < 1U << 16 && block.x * block.y * block.z <= 1024;
  if (!fits) fail("a grid that no device takes");
  gridDim = grid;
  blockDim = block;
  for (blockIdx.z = 0; blockIdx.z < grid.z; ++blockIdx.z) {
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y) {
      for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) the_block.run(body);
    }
  }
}

void barrier() { the_block.wait(); }

void copy_four(float* to, const float* from, bool inside) {
  const auto aligned = [](const float* place) { return reinterpret_cast<std::uintptr_t>(place) % 16 == 0; };
  if (!aligned(to) || !aligned(from)) fail("a copy of 16 bytes at a place that is no multiple of 16");
  for (int i = 0; i < 4; ++i) to[i] = inside ? from[i] : 0.0F;
}

float to_tf32(float v) {
  const unsigned bits = __float_as_uint(v);
  const bool finite = (bits & 0x7f800000U) != 0x7f800000U;
  return __uint_as_float(finite ? (bits + 0x1000U) & ~0x1fffU : bits);  // half of the last place that stays
}

void multiply_tf32(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
  constexpr unsigned kLanes = 32;
  static float held_a[1024 / kLanes][16][8];
  static float held_b[1024 / kLanes][8][8];
  const unsigned warp = threadIdx.x / kLanes;
  const unsigned g = threadIdx.x % kLanes / 4;
  const unsigned t = threadIdx.x % 4;
  for (const float v : a) {
    if (to_tf32(v) != v && v == v) fail("a number that is not TF32 comes to a tensor core");
  }
  for (unsigned i = 0; i < 4; ++i) held_a[warp][g + i % 2 * 8][t + i / 2 * 4] = a[i];
  for (unsigned i = 0; i < 2; ++i) held_b[warp][t + i * 4][g] = b[i];
  barrier();
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned k = 0; k < 8; ++k)
      d[i] = std::fma(held_a[warp][g + i / 2 * 8][k], held_b[warp][k][2 * t + i % 2], d[i]);
  }
  barrier();
}

void submit(Stream* stream, const std::function<void()>& work) {
  if (capturing == nullptr) return work();
  capturing->nodes.push_back({work, stream, std::exchange(pending(*stream), {capturing->nodes.size()})});
}

namespace {

/// In turn: each call of the other streams as early as what it waits for allows, or as late as what waits for it does.
void launch_graph(Graph& graph) {
  std::vector<char> done(graph.nodes.size());
  const std::function<void(std::size_t)> run = [&](std::size_t i) {
    if (done[i] != 0) return;
    for (const std::size_t before : graph.nodes[i].after) run(before);
    graph.nodes[i].call();
    done[i] = 1;
  };
  for (const bool branches : {true, false}) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if (branches == (graph.nodes[i].stream != graph.origin) && (graph.branches_first || !branches)) run(i);
    }
  }
  if (std::ranges::find(done, 0) != done.end()) fail("a graph ends before a branch of it has been waited for");
  graph.branches_first = !graph.branches_first;
}

}  // namespace

}  // namespace qrun::emulation

using qrun::emulation::submit;

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : error == cudaSuccess ? "no error" : "unknown error";
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorUnknown";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaSetDevice(int /*device*/) { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = std::size_t{4} << 30;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int /*device*/) {
  *properties = {"emulated device", 9, 0};
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr /*attribute*/, int /*device*/) {
  *value = qrun::emulation::multiprocessors;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, std::size_t bytes) { return qrun::emulation::allocate(memory, bytes); }
cudaError_t cudaFree(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned /*flags*/) {
  *memory = std::malloc(bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) { return cudaFree(memory); }
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  submit(stream, [=] { std::memset(memory, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind /*kind*/,
                            cudaStream_t stream) {
  submit(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t rows, cudaMemcpyKind /*kind*/, cudaStream_t stream) {
  submit(stream, [=] {
    for (std::size_t row = 0; row < rows; ++row)
      std::memcpy(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch, width);
  });
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned /*flags*/) {
  *stream = new qrun::emulation::Stream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t /*stream*/) { return cudaSuccess; }
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode /*mode*/) {
  ++qrun::emulation::captures;
  qrun::emulation::capturing = new qrun::emulation::Graph{stream, {}};
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t /*stream*/, cudaGraph_t* graph) {
  *graph = std::exchange(qrun::emulation::capturing, nullptr);
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long /*flags*/) {
  *executable = new qrun::emulation::Graph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t /*stream*/) {
  qrun::emulation::launch_graph(*executable);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  *event = new qrun::emulation::Event;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->after = qrun::emulation::pending(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned /*flags*/) {
  std::vector<std::size_t>& after = qrun::emulation::pending(*stream);
  after.insert(after.end(), event->after.begin(), event->after.end());
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t /*event*/) { return cudaSuccess; }
