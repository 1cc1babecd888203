// A plug-in without an engine; its build is what the environment says.
#include <cstdio>
#include <cstdlib>

namespace qrun {
class Engine;
}  // namespace qrun

extern "C" {

const char* qrun_plugin_version() {
  const char* build = std::getenv("QRUN_TEST_BUILD");
  return build == nullptr ? "" : build;
}

qrun::Engine* qrun_make_engine(int device, char* problem, int problem_size) {
  std::snprintf(problem, static_cast<std::size_t>(problem_size), "no device %d in a test", device);
  return nullptr;
}

}  // extern "C"
