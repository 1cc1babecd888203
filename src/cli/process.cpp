#include "cli/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "cli/command.h"
#include "core/error.h"

namespace qrun {
namespace {

/// Says what happened and ends the program, by calls that a signal handler may make.
void on_lost_memory(int) {
  constexpr std::string_view kText =
      "qrun: a file was cut or became unreadable while it was in use; what was written so far is kept\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText.data(), kText.size());
  _exit(kEnvironment);
}

}  // namespace

void settle_process() {
  // Writing to a stdout that was closed must fail; a stderr that was closed swallows all.
  constexpr int kModes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int id = STDIN_FILENO; id <= STDERR_FILENO; ++id) {
    if (fcntl(id, F_GETFD) < 0) static_cast<void>(open("/dev/null", kModes[id]));
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGBUS, on_lost_memory);
}

bool print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (written) return true;
  if (errno == EPIPE) return false;
  throw EnvironmentError(std::string("cannot write to standard output: ") + std::strerror(errno));
}

}  // namespace qrun
